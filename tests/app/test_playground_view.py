"""The Playground, in a simulated session on fake models."""

from __future__ import annotations

import time

from seeding import SUITE

from promptlab.lab import Lab


def settled(page):
    """The page once every try has ended."""
    deadline = time.monotonic() + 20
    while page.session_state["tries"].running and time.monotonic() < deadline:
        time.sleep(0.05)
    return page.run()


def picker(page, which: str):
    """The field that opens another prompt or version."""
    return page.selectbox(key=f"pick:{which}:{page.session_state['generation']}")


def typed(page, text: str):
    """The page after the editor has sent a text; the browser tests type into it."""
    page.session_state["draft"] = text
    return page.run()


def texts(page) -> str:
    return "\n".join(element.value for element in [*page.code, *page.text, *page.caption, *page.markdown])


def test_a_new_session_opens_a_prompt_with_its_samples_rendered(app):
    page = app("playground", prompt="plain")
    assert not page.exception
    assert "{{ text }}" in page.session_state["draft"]
    assert page.text_area(key="input:text").value == "it 's slow , boring , and dull ."
    assert any("it 's slow , boring" in code.value for code in page.code)
    assert "SYSTEM" in texts(page)


def test_editing_the_template_previews_it_at_once_and_says_so(app, lab: Lab):
    lab.prompts.use("plain")
    page = app("playground", prompt="plain")
    assert "plain\\@1 as saved" in texts(page)
    typed(page, "Rate {{ text }} in {{ tone }} tone")
    assert "edited since v1" in texts(page)
    page.text_area(key="input:tone").set_value("a dry").run()
    assert any(code.value == "Rate it 's slow , boring , and dull . in a dry tone" for code in page.code)


def test_a_template_that_does_not_compile_is_one_line_in_place_of_the_preview(app):
    page = app("playground", prompt="plain")
    typed(page, "Say {{ text")
    assert not page.exception
    assert any("draft" in text.value or "plain" in text.value for text in page.text)
    assert page.button(key="run").disabled
    assert page.button(key="save").disabled


def test_models_answer_side_by_side_with_tokens_latency_and_cost(app):
    page = app("playground", prompt="plain")
    page.session_state["models"] = ["fake:echo", "fake:say?text=positive"]
    page.run()
    page.button(key="run").click().run()
    page = settled(page)
    assert any(code.value == "positive" for code in page.code)
    marks = [caption.value for caption in page.caption if "tokens" in caption.value]
    assert len(marks) == 2
    assert all("free" in mark for mark in marks)


def test_a_second_run_is_marked_cached_and_asking_again_is_not(app):
    page = app("playground", prompt="plain")
    page.session_state["models"] = ["fake:echo"]
    page.run()
    page.button(key="run").click().run()
    assert "cached" not in texts(settled(page))
    page.button(key="run").click().run()
    assert ":blue[cached]" in texts(settled(page))
    page.toggle(key="no-cache").set_value(True).run()
    page.button(key="run").click().run()
    assert ":blue[cached]" not in texts(settled(page))


def test_a_failing_model_stands_in_its_column_and_the_other_answers(app):
    page = app("playground", prompt="plain")
    page.session_state["models"] = ["fake:fail?status=client&message=no+luck", "fake:say?text=fine", "fake:nothing"]
    page.run()
    page.button(key="run").click().run()
    page = settled(page)
    assert any("client: " in text.value and "no luck" in text.value for text in page.text)
    assert any("no fake model 'nothing'" in text.value for text in page.text)
    assert any(code.value == "fine" for code in page.code)


def test_settings_reach_the_model(app):
    page = app("playground", prompt="plain")
    page.session_state["models"] = ["fake:say?text=one+two+three"]
    page.run()
    page.number_input(key="setting:max_tokens").set_value(2).run()
    page.button(key="run").click().run()
    page = settled(page)
    assert ":orange[truncated]" in texts(page)
    assert any(code.value.startswith("one two") and "three" not in code.value for code in page.code)


def test_stop_ends_a_stream_and_keeps_what_came(app):
    page = app("playground", prompt="plain")
    page.session_state["models"] = ["fake:say?seconds=30&text=" + "+".join(["word"] * 300)]
    page.run()
    page.number_input(key="setting:max_tokens").set_value(300).run()
    page.button(key="run").click().run()
    time.sleep(1)
    page.run()
    assert any("word" in code.value and code.value.endswith("▌") for code in page.code)
    page.button(key="stop").click().run()
    page = settled(page)
    assert any("cancelled" in text.value for text in page.text)


def test_saving_makes_a_version_and_saving_the_same_again_makes_none(app, lab: Lab):
    page = app("playground", prompt="plain")
    typed(page, "Rate {{ text }}")
    page.text_input(key="save:name").set_value("rate").run()
    page.text_input(key="save:note").set_value("first").run()
    page.button(key="save").click().run()
    assert any("saved as rate@1" in text.value for text in page.text)
    assert lab.prompts.get("rate").note == "first"
    assert page.query_params["prompt"] == "rate@1"
    page.button(key="save").click().run()
    assert any("identical to v1, nothing saved" in text.value for text in page.text)
    assert len(lab.prompts.log("rate")) == 1


def test_a_name_that_no_prompt_can_have_is_refused_in_one_line(app):
    page = app("playground", prompt="plain")
    page.text_input(key="save:name").set_value("../evil").run()
    page.button(key="save").click().run()
    assert not page.exception
    assert any("../evil" in text.value for text in page.text)


def test_another_prompt_can_be_opened_and_the_edited_draft_comes_back(app):
    page = app("playground", prompt="plain")
    typed(page, "Mine {{ text }}")
    picker(page, "prompt").select("strict").run()
    assert "exactly one word" in page.session_state["draft"]
    page.button(key="unstash").click().run()
    assert page.session_state["draft"] == "Mine {{ text }}"


def test_any_version_can_be_loaded_and_the_difference_is_shown(app, lab: Lab):
    lab.prompts.save("rate", "Rate {{ text }}")
    lab.prompts.save("rate", "Rate {{ text }} now")
    page = app("playground", prompt="rate")
    picker(page, "version").select(1).run()
    assert page.session_state["draft"] == "Rate {{ text }}"
    typed(page, "Rate {{ text }} later")
    page.session_state["diff"] = True
    page.run()
    assert any("+Rate {{ text }} later" in code.value for code in page.code)


def test_a_case_of_a_run_fills_the_form_the_model_and_the_settings(app, lab: Lab, workspace):
    result = lab.evaluate(workspace / "sentiment.yaml", settings={"temperature": 0.5})
    variant = result.variants[0]
    page = app("playground", prompt=variant.prompt, run=variant.id, case="b")
    assert page.text_area(key="input:text").value == "a bore"
    assert page.multiselect(key="models").value == [variant.model]
    assert page.number_input(key="setting:temperature").value == 0.5


def test_a_sample_that_is_not_text_is_a_json_field(app):
    page = app("playground", prompt="plain")
    typed(
        page,
        "---\nsamples: {items: [a, b]}\n---\n{% for item in items %}{{ item }};{% endfor %}",
    )
    assert page.text_area(key="input:items").label == "items (JSON)"
    assert any(code.value == "a;b;" for code in page.code)
    page.text_area(key="input:items").set_value("[").run()
    assert any("not valid JSON" in text.value for text in page.text)
    assert page.button(key="run").disabled


def test_a_prompt_that_is_not_there_is_named_and_the_editor_still_works(app):
    page = app("playground", prompt="nowhere")
    assert not page.exception
    assert any("no prompt 'nowhere'" in text.value for text in page.text)
    assert page.session_state["draft"]


def test_the_draft_survives_a_switch_of_pages(app):
    page = app("playground", prompt="plain")
    typed(page, "Kept {{ text }}")
    page.text_area(key="input:text").set_value("also kept").run()
    page.switch_page("views/runs.py")
    page.query_params.clear()
    page.run()
    page.switch_page("views/playground.py").run()
    assert page.session_state["draft"] == "Kept {{ text }}"
    assert page.text_area(key="input:text").value == "also kept"


def suite(workspace, text: str = SUITE) -> None:
    (workspace / "evals").mkdir(exist_ok=True)
    (workspace / "evals" / "films.yaml").write_text(text)


def test_the_cases_of_the_prompts_own_suite_are_stepped_through(app, workspace):
    suite(workspace)
    page = app("playground", prompt="plain")
    assert page.selectbox(key="data:suite:plain").value == "evals/films.yaml"
    assert "4 cases" in texts(page)
    page.button(key="case:on").click().run()
    assert page.text_area(key="input:text").value == "a joy"
    assert "case a, 1 of 4 · expected: positive" in texts(page)
    assert any("a joy" in code.value for code in page.code)
    page.button(key="case:back").click().run()
    assert "case d, 4 of 4" in texts(page)
    page.button(key="case:on").click().run()
    assert "case a, 1 of 4" in texts(page)


def test_without_a_suite_the_form_is_there_alone(app):
    page = app("playground", prompt="plain")
    assert not [box for box in page.selectbox if box.key.startswith("data:suite")]
    assert not [button for button in page.button if button.key == "case:on"]


def test_what_the_data_lacks_and_branches_that_it_never_reaches_are_told(app, workspace):
    suite(workspace)
    page = app("playground", prompt="plain")
    page = typed(page, "{% if long %}\nmuch\n{% endif %}\n{{ text }}")
    assert "line 1: `long` has no value in the data, which has: `text`" in texts(page)
    assert "1 branch of 1 that none of 4 cases renders: line 2" in texts(page)
    page = typed(page, "{{ text }}")
    assert "no value in the data" not in texts(page)


def test_a_suite_that_is_wrong_is_one_line_and_the_form_goes_on(app, workspace):
    suite(workspace, "name: films\nprompts: [plain]\nnonsense: 1\n")
    page = app("playground", prompt="plain")
    page.selectbox(key="data:suite:plain").select("evals/films.yaml").run()
    assert not page.exception
    assert any("nonsense" in text.value for text in page.text)
    assert page.text_area(key="input:text").value


def test_saving_from_the_editor_needs_a_name_and_a_template_that_compiles(app, lab: Lab):
    page = app("playground", prompt="plain")
    page = typed(page, "Say {{ text")
    page.session_state["editor:asked"] = "save"
    page.run()
    assert any("the template has a mistake" in text.value for text in page.text)
    page = typed(page, "Say {{ text }} twice")
    page.session_state["editor:asked"] = "save"
    page.run()
    assert any("saved as plain@" in text.value for text in page.text)
    assert "Say {{ text }} twice" in lab.prompts.get("plain").source


def test_running_from_the_editor_runs(app):
    page = app("playground", prompt="plain")
    page.session_state["models"] = ["fake:echo"]
    page.session_state["editor:asked"] = "run"
    page.run()
    page = settled(page)
    assert any("it 's slow" in code.value for code in page.code)
    assert "→" in texts(page)


def test_what_is_saved_can_be_copied_and_a_draft_says_that_it_cannot(app, lab: Lab):
    lab.prompts.use("plain")
    page = app("playground", prompt="plain")
    page.session_state["models"] = ["openai:gpt-4o-mini", "fake:echo"]
    page.run()
    copied = [code.value for code in page.code]
    assert any("Lab().try_prompt(" in text and "'plain@1'" in text for text in copied)
    assert any(text.startswith("curl https://api.openai.com") for text in copied)
    assert any("prompts:\n- plain@1" in text for text in copied)
    page = typed(page, "Other {{ text }}")
    assert not any("try_prompt" in code.value for code in page.code)
    assert "Save the draft first" in texts(page)


def test_a_draft_is_saved_and_its_suite_runs_with_it(app, lab: Lab, workspace):
    suite(workspace)
    page = app("playground", prompt="plain")
    page = typed(page, "Judge {{ text }}")
    page.session_state["models"] = ["fake:echo"]
    page.run()
    page.button(key="run-suite").click().run()
    assert not page.exception
    deadline = time.monotonic() + 60
    while not [run for run in lab.runs(kinds=["eval"]) if run.status == "finished"] and time.monotonic() < deadline:
        time.sleep(0.1)
    (variant,) = lab.runs(kinds=["prompt"])
    assert variant.prompt_reference == "plain@1"
    assert "Judge {{ text }}" in lab.prompts.get("plain").source
    assert lab.report(lab.runs(kinds=["eval"])[0].uid).ended == 4


def test_an_answer_to_a_case_is_scored_by_its_suite_and_to_other_inputs_it_is_not(app, workspace):
    suite(workspace)
    page = app("playground", prompt="plain")
    page.session_state["models"] = ["fake:say?text=positive", "fake:say?text=wrong"]
    page.run()
    page.button(key="case:on").click().run()
    page.button(key="run").click().run()
    page = settled(page)
    assert ":green[✓ exact\\_match]" in texts(page)
    assert ":red[✗ exact\\_match]" in texts(page)
    page.text_area(key="input:text").set_value("something else").run()
    page.button(key="run").click().run()
    page = settled(page)
    assert "exact\\_match" not in texts(page)


def test_a_draft_survives_a_closed_browser_until_it_is_saved(app, lab: Lab):
    lab.prompts.use("plain")
    page = app("playground", prompt="plain")
    typed(page, "Kept on disk {{ text }}")
    page = app("playground", prompt="plain")  # another session, after the first has gone
    assert "{{ text }}\nAnswer" in page.session_state["draft"]
    assert "Your edited draft of plain is kept." in texts(page)
    page.button(key="unstash").click().run()
    assert page.session_state["draft"] == "Kept on disk {{ text }}"
    page.button(key="save").click().run()
    page = app("playground", prompt="plain")
    assert page.session_state["draft"] == "Kept on disk {{ text }}"
    assert "is kept." not in texts(page)


def test_a_draft_that_is_typed_back_is_kept_no_longer(app, lab: Lab):
    page = app("playground", prompt="plain")
    before = page.session_state["draft"]
    typed(page, "Other {{ text }}")
    typed(page, before)
    assert "is kept." not in texts(app("playground", prompt="plain"))
