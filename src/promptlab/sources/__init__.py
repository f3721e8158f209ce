"""Where tables come from and go to: files, databases, HTTP, MongoDB, each with a digest, a schema and a row count."""
