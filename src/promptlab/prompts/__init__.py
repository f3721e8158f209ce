"""Prompts: files, chat roles, variables, references and digests."""
