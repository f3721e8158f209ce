"""The sandbox: templates are compiled and rendered in a limited worker process, never in ours."""

from promptlab.sandbox.renderer import RenderJob, TemplateVariables, find_variables, inspect_templates, render_many

__all__ = ["RenderJob", "TemplateVariables", "find_variables", "inspect_templates", "render_many"]
