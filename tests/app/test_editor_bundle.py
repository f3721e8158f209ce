"""The bundled editor is the one that its sources say, with its licence, and asks no other server for anything."""

from __future__ import annotations

import json
import re
from hashlib import sha256

import driving

SOURCES = driving.APP / "editor"
BUNDLE = driving.APP / "static" / "editor.js"


def test_the_bundle_is_made_of_the_sources_as_they_are():
    digest = sha256()
    for path in [*sorted(SOURCES.glob("*.js")), SOURCES / "package-lock.json"]:
        digest.update(path.read_bytes())
    assert digest.hexdigest() in BUNDLE.read_text(encoding="utf-8")[:300], "bundle it anew: make editor"


def test_every_package_is_pinned_and_no_registry_is_named():
    package = json.loads((SOURCES / "package.json").read_text())
    pinned = {**package["dependencies"], **package["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pinned.values())
    assert "http" not in (SOURCES / "package-lock.json").read_text().replace("https://opencollective", "").replace(
        "https://github.com/sponsors", ""
    )


def test_the_licence_lies_beside_it():
    assert "Marijn Haverbeke" in (BUNDLE.parent / "editor.LICENSE.txt").read_text()


def test_it_names_no_other_server():
    hosts = set(re.findall(r"https?://([\w.-]+)", BUNDLE.read_text(encoding="utf-8")))
    assert hosts <= {"www.w3.org"}  # a name space of SVG
