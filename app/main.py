"""The frame of the app: pages with their addresses, and what makes every page compact.

Run it with `promptlab ui`, or `streamlit run app/main.py` in the workspace.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from shared import guarded
from views import playground

# A file: the browser would fetch an icon by name from a server far away.
ICON = Path(__file__).parent / "icon.svg"
STYLE = """
<style>
.stMainBlockContainer {padding: 3.6rem 1.5rem 3rem;}
.stAppHeader {height: 3rem; min-height: 3rem;}
[data-testid="stText"] {white-space: pre-wrap; overflow-wrap: anywhere;}
</style>
"""


def main() -> None:
    """Draws the navigation and the page that the address names."""
    st.set_page_config(page_title="promptlab", page_icon=str(ICON), layout="wide")
    st.html(STYLE)
    page = st.navigation(
        [
            # The root address; the Playground has an address of its own, so that links to it can be kept.
            st.Page(playground.show, title="promptlab", url_path="home", default=True, visibility="hidden"),
            st.Page("views/playground.py", title="Playground", icon=":material/science:", url_path="playground"),
            st.Page("views/prompts.py", title="Prompts", icon=":material/description:", url_path="prompts"),
            st.Page("views/suites.py", title="Suites", icon=":material/checklist:", url_path="suites"),
            st.Page("views/experiments.py", title="Experiments", icon=":material/experiment:", url_path="experiments"),
            st.Page("views/runs.py", title="Runs", icon=":material/table_rows:", url_path="runs"),
            st.Page("views/run.py", title="Run", url_path="run", visibility="hidden"),
            st.Page("views/compare.py", title="Compare", icon=":material/compare_arrows:", url_path="compare"),
            st.Page("views/tests.py", title="Tests", icon=":material/rule:", url_path="tests"),
            st.Page("views/data.py", title="Data sets", icon=":material/dataset:", url_path="data"),
            st.Page("views/base_models.py", title="Base models", icon=":material/memory:", url_path="base-models"),
        ],
        position="top",
    )
    guarded(page.run)()


main()
