"""The sandbox: templates are compiled and rendered in a limited worker process, never in ours."""

from promptlab.sandbox.renderer import (
    BranchLines,
    Outline,
    RenderJob,
    TemplateVariables,
    find_reached,
    find_variables,
    inspect_templates,
    render_many,
)

__all__ = [
    "BranchLines",
    "Outline",
    "RenderJob",
    "TemplateVariables",
    "find_reached",
    "find_variables",
    "inspect_templates",
    "render_many",
]
