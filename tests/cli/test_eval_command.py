"""`promptlab eval`: exit codes, streams, files, and what it prints."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from promptlab import Lab


def test_all_well_is_0_with_the_table_on_standard_output_and_progress_on_standard_error(process):
    ended = process("eval", "words.yaml")
    assert ended.code == 0
    assert "plain@1" in ended.out
    assert "50.0%" in ended.out
    assert "free" in ended.out
    assert re.search(r"open it: promptlab ui, then http://localhost:8501/run\?run=[0-9a-f]{32}\n", ended.out)
    assert "2 cells of 1 variant" in ended.err
    assert "2 of 2 cells" in ended.err


def test_a_gate_that_does_not_hold_is_1_and_says_which(promptlab, folder: Path):
    (folder / "gated.yaml").write_text(
        (folder / "words.yaml").read_text() + 'gates:\n  exact_match: ">= 0.9"\n  mentions: ">= 0.9"\n'
    )
    ended = promptlab("eval", "gated.yaml")
    assert ended.code == 1
    assert "✗ exact_match >= 0.9: 0.5" in ended.out
    assert "✓ mentions >= 0.9: 1" in ended.out


def test_a_failed_cell_is_3_and_errors_are_grouped_with_an_example(promptlab):
    ended = promptlab("eval", "words.yaml", "--model", "fake:fail?status=client&message=no+luck")
    assert ended.code == 3
    assert re.search(r"2 \u00d7 client, such as case a, plain@1 · fake:fail.*no luck", ended.out)
    assert "2 errors" in ended.out
    assert re.search(r"ask again for what failed: promptlab eval --resume [0-9a-f]{8} --retry-errors\n", ended.out)


def test_a_failed_evaluator_is_3_and_named(promptlab, folder: Path):
    (folder / "evaluators.py").write_text(
        "from promptlab import EvaluatorContext, evaluator\n\n\n@evaluator\ndef broken(context: EvaluatorContext):\n"
        "    raise ZeroDivisionError('no')\n"
    )
    (folder / "broken.yaml").write_text((folder / "words.yaml").read_text() + "  - broken\n")
    ended = promptlab("eval", "broken.yaml")
    assert ended.code == 3
    assert "evaluator broken" in ended.out
    assert "ZeroDivisionError: no" in ended.out


def test_a_gate_goes_before_an_error(promptlab, folder: Path):
    (folder / "gated.yaml").write_text((folder / "words.yaml").read_text() + 'gates:\n  exact_match: ">= 0.9"\n')
    assert promptlab("eval", "gated.yaml", "-m", "fake:fail?status=client").code == 1


def test_several_suites_give_the_worst_code(promptlab, folder: Path):
    (folder / "gated.yaml").write_text((folder / "words.yaml").read_text() + 'gates:\n  exact_match: ">= 0.9"\n')
    ended = promptlab("eval", "gated.yaml", "words.yaml")
    assert ended.code == 1
    assert ended.out.count("open it:") == 2


def test_json_to_standard_output_is_one_object_and_nothing_else(process):
    ended = process("eval", "words.yaml", "-p", "plain", "-p", "loud", "--json", "-")
    assert ended.code == 0
    document = json.loads(ended.out)
    assert set(document) == {"run", "suite", "status", "variants", "gates", "cells", "calls"}
    assert [variant["prompt"] for variant in document["variants"]] == ["plain@1", "loud@1"]
    assert len(document["cells"]) == 4
    assert "exact_match" in ended.err


def test_json_of_a_mistake_is_empty(process):
    ended = process("eval", "nowhere.yaml", "--json", "-")
    assert (ended.code, ended.out) == (2, "")


def test_json_keeps_what_no_encoding_can_write_and_has_no_nan(promptlab, folder: Path):
    (folder / "answers.jsonl").write_text('{"output": "a\\ud800b \\u2713"}\n')
    ended = promptlab("eval", "words.yaml", "-m", "fake:script?file=answers.jsonl", "--json", "-")
    assert json.loads(ended.out)["cells"][0]["output"] == "a\ud800b ✓"
    assert "NaN" not in ended.out


def test_json_and_csv_files_appear_whole(promptlab, folder: Path):
    ended = promptlab("eval", "words.yaml", "--json", "out.json", "--csv", "out.csv")
    assert ended.code == 0
    assert "exact_match" in ended.out
    document = json.loads((folder / "out.json").read_text())
    rows = list(csv.DictReader((folder / "out.csv").read_text().splitlines()))
    assert [row["output"] for row in rows] == ["Say good", "Say bad"]
    assert [float(row["exact_match"]) for row in rows] == [1.0, 0.0]
    assert rows[0]["inputs.text"] == "good"
    assert rows[0]["variant"] == "plain@1 · fake:echo"
    assert len(document["cells"]) == 2
    assert not list(folder.glob(".*.part"))


def test_csv_texts_never_begin_as_a_formula(promptlab, folder: Path):
    (folder / "answers.jsonl").write_text('{"output": "=HYPERLINK(1)"}\n')
    promptlab("eval", "words.yaml", "-m", "fake:script?file=answers.jsonl", "--csv", "out.csv")
    rows = list(csv.DictReader((folder / "out.csv").read_text().splitlines()))
    assert {row["output"] for row in rows} == {"'=HYPERLINK(1)"}


def test_a_file_that_cannot_be_written_is_found_before_any_call(promptlab, folder: Path):
    for option in ("--json", "--csv"):
        for path in ("nowhere/out", "/proc/out", "."):
            ended = promptlab("eval", "words.yaml", option, path)
            assert ended.code == 2
            assert f"{option} {path}" in ended.err
    with Lab() as lab:
        assert list(lab.runs()) == []


def test_a_file_is_left_alone_when_the_run_is_refused(promptlab, folder: Path):
    (folder / "out.json").write_text("before")
    assert promptlab("eval", "words.yaml", "--model", "fake:nothing", "--json", "out.json").code == 2
    assert (folder / "out.json").read_text() == "before"
    assert not list(folder.glob(".*.part"))


def test_several_suites_and_one_file_are_refused(promptlab):
    ended = promptlab("eval", "words.yaml", "words.yaml", "--json", "-")
    assert ended.code == 2
    assert "one suite a call" in ended.err


def test_options_reach_the_run(promptlab):
    ended = promptlab(
        *("eval", "words.yaml", "--limit", "1", "--repeats", "3", "--setting", "temperature=0.5"),
        *("--setting", "stop=END", "--concurrency", "1", "--json", "-"),
    )
    document = json.loads(ended.out)
    assert len(document["cells"]) == 3
    assert document["variants"][0]["settings"] == {"temperature": 0.5, "stop": "END"}


def test_a_second_run_is_from_the_cache_unless_told_not_to(promptlab):
    promptlab("eval", "words.yaml")
    again = promptlab("eval", "words.yaml")
    assert "0 asked, 2 from the cache" in again.out
    assert "0 asked" in again.out
    assert "2 asked, 0 from the cache" in promptlab("eval", "words.yaml", "--no-cache").out


def test_the_best_is_marked_and_the_others_are_held_against_it_in_words(promptlab, folder: Path):
    cases = "\n".join(f'  - {{id: c{n}, inputs: {{text: "{n}"}}, expected: "Say {n}"}}' for n in range(12))
    (folder / "many.yaml").write_text(
        f'name: many\nprompts: [plain, loud]\nmodels: ["fake:echo"]\ncases:\n{cases}\nevaluators: [exact_match]\n'
    )
    ended = promptlab("eval", "many.yaml")
    assert "100.0%*" in ended.out
    assert "* best on exact_match" in ended.out
    assert re.search(r"loud@1 · fake:echo\s+\u2212 worse on exact_match: \u2212100 points \(95% CI", ended.out)


def test_db_is_taken_before_and_after_the_command(promptlab, folder: Path):
    assert promptlab("--db", "one.db", "eval", "words.yaml").code == 0
    assert promptlab("eval", "words.yaml", "--db", "two.db").code == 0
    assert promptlab("--db", "one.db", "eval", "words.yaml", "--db", "three.db").code == 0
    assert sorted(path.name for path in folder.glob("*.db")) == ["one.db", "three.db", "two.db"]
    assert not (folder / ".promptlab").exists()


def test_outputs_are_shown_as_text_and_never_obeyed(promptlab, folder: Path):
    (folder / "answers.jsonl").write_text('{"output": "\\u001b[2J[bold]loud[/bold]\\u0007\\r\\nnext"}\n')
    run = promptlab("eval", "words.yaml", "-m", "fake:script?file=answers.jsonl")
    uid = re.search(r"run=([0-9a-f]{32})", run.out).group(1)
    shown = promptlab("runs", "show", uid, "--cells", "all").out
    assert "[bold]loud[/bold]⏎next" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_a_table_too_wide_is_continued_in_another_and_nothing_is_cut(promptlab, monkeypatch, folder: Path):
    names = [f"a_rather_long_name_{n}" for n in range(6)]
    more = "".join(f"  - contains: {{word: good, as: {name}}}\n" for name in names)
    (folder / "wide.yaml").write_text((folder / "words.yaml").read_text() + more)
    for width in (80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        out = promptlab("eval", "wide.yaml").out
        assert max(len(line) for line in out.splitlines() if "open it" not in line) <= width
        for title in (*names, "exact_match", "latency", "tokens", "cost"):
            assert title in out
        assert "…" not in out
        assert out.count("plain@1") >= 2


def test_no_color_and_pipes_get_no_escape_codes(process):
    ended = process("eval", "words.yaml", NO_COLOR="1")
    assert "\x1b" not in ended.out + ended.err


def test_an_encoding_without_marks_is_no_failure(process):
    assert process("eval", "words.yaml", "-p", "plain", "-p", "loud", PYTHONIOENCODING="ascii").code == 0


def test_a_closed_pipe_is_quiet_and_the_exit_code_stays(folder: Path):
    command = [sys.executable, "-m", "promptlab.cli.main", "eval", "words.yaml", "-m", "fake:fail?status=client"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.close()
        err = running.stderr.read().decode()
        assert running.wait(60) == 3
    assert "Traceback" not in err
    assert "Broken" not in err


def test_an_interruption_is_130_keeps_what_is_answered_and_prints_the_command(folder: Path):
    command = [sys.executable, "-m", "promptlab.cli.main", "eval", "words.yaml"]
    command += ["-m", "fake:echo?seconds=1&concurrency=1", "--repeats", "20"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert "40 cells" in running.stderr.readline()
        time.sleep(2.5)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err
    told = re.search(r"interrupted: (\d+) of 40 cells are stored", err)
    assert told is not None
    assert out == ""
    with Lab(workspace=folder) as lab:
        (run,) = lab.runs(top_level=True)
        assert f"go on: promptlab eval --resume {run.uid[:8]}" in err
        assert run.status == "interrupted"
        assert lab.report(run.uid).ended == int(told.group(1)) > 0
        assert lab.report(run.uid).partial


def test_a_terminal_sees_bars_while_nothing_has_come_yet(folder: Path):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "promptlab.cli.main", "eval", "words.yaml", "-m", "fake:echo?seconds=1"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=theirs, text=True, env=os.environ | {"COLUMNS": "100"}
    ) as running:
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says so when the other end of a terminal is closed
                break
            if not part:
                break
            seen += part
        os.close(ours)
        out = running.stdout.read()
    assert running.returncode == 0
    assert b"waiting for the first answer" in seen
    assert b"0/2" in seen
    assert "plain@1" in out


def test_a_mistake_in_a_later_suite_is_found_before_the_first_call(promptlab, folder: Path):
    text = (folder / "words.yaml").read_text()
    (folder / "later.yaml").write_text(text.replace("name: words", "name: later").replace("fake:echo", "fake:nothing"))
    ended = promptlab("eval", "words.yaml", "later.yaml")
    assert ended.code == 2
    assert "fake:nothing" in ended.err
    assert "words" not in promptlab("runs", "list").out
