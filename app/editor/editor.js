// The editor of a prompt as a Streamlit component: what is typed goes to the server after a short rest, and its
// marks come back. All text is drawn by CodeMirror as text.

import { closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, codeFolding, foldGutter, foldKeymap, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, RangeSet, StateEffect, StateField } from "@codemirror/state";
import {
  EditorView,
  GutterMarker,
  drawSelection,
  gutter,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  placeholder,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

import { completion, vocabulary } from "./completion.js";
import { promptLanguage } from "./language.js";
import { theme } from "./theme.js";

const REST_MS = 250;

const colours = HighlightStyle.define([
  { tag: tags.heading, class: "pl-role" },
  { tag: tags.meta, class: "pl-quiet" },
  { tag: tags.comment, class: "pl-quiet" },
  { tag: tags.processingInstruction, class: "pl-brace" },
  { tag: tags.keyword, class: "pl-keyword" },
  { tag: tags.propertyName, class: "pl-property" },
  { tag: tags.string, class: "pl-string" },
  { tag: [tags.number, tags.bool], class: "pl-number" },
  { tag: tags.variableName, class: "pl-variable" },
  { tag: tags.function(tags.variableName), class: "pl-function" },
]);

class NeverRendered extends GutterMarker {
  toDOM() {
    const mark = document.createElement("div");
    mark.className = "pl-never";
    mark.title = "No case of the data renders this branch.";
    return mark;
  }
}
const neverRendered = new NeverRendered();
const setBranches = StateEffect.define();
const branches = StateField.define({
  create: () => RangeSet.empty,
  update(marks, transaction) {
    let found = marks.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(setBranches)) found = effect.value;
    }
    return found;
  },
});

/** Marks of the lines of branches: [[first, last], ...], from 1. */
function branchMarks(state, ranges) {
  const lines = new Set();
  for (const [first, last] of ranges) {
    for (let line = first; line <= Math.min(last, state.doc.lines); line += 1) lines.add(line);
  }
  return RangeSet.of([...lines].sort((a, b) => a - b).map((line) => neverRendered.range(state.doc.line(line).from)));
}

/** Problems as the server tells them, {line, column, length, severity, message}, as CodeMirror's diagnostics. */
function diagnostics(state, problems) {
  return problems.map(({ line, column, length, severity, message }) => {
    const place = state.doc.line(Math.max(1, Math.min(line, state.doc.lines)));
    const from = column ? Math.min(place.from + column - 1, place.to) : place.from;
    const to = column && length ? Math.min(from + length, place.to) : place.to;
    return { from, to: Math.max(from, to), severity, message };
  });
}

class Editor {
  constructor(component) {
    this.component = component;
    this.generation = component.data.generation;
    this.sent = component.data.text;
    this.timer = null;
    this.words = new Compartment();
    const root = component.parentElement;
    this.host = root.querySelector(".pl-editor");
    const act = (action) => () => {
      this.flush(action);
      return true;
    };
    this.view = new EditorView({
      root: root instanceof ShadowRoot ? root : document,
      parent: this.host,
      state: EditorState.create({
        doc: component.data.text,
        extensions: [
          keymap.of([
            { key: "Mod-Enter", run: act("run"), stopPropagation: true },
            { key: "Mod-s", run: act("save"), preventDefault: true, stopPropagation: true },
          ]),
          lineNumbers(),
          gutter({ class: "pl-branches", markers: (view) => view.state.field(branches) }),
          lintGutter(),
          foldGutter(),
          codeFolding(),
          branches,
          highlightSpecialChars(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          completion,
          promptLanguage(),
          syntaxHighlighting(colours),
          theme,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": component.data.label, spellcheck: "false" }),
          keymap.of([
            ...closeBracketsKeymap,
            ...completionKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...foldKeymap,
            ...defaultKeymap,
            indentWithTab,
          ]),
          this.words.of(vocabulary.of(component.data.vocabulary)),
          placeholder("system: and user: lines split a template into messages; {{ name }} is an input"),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !this.replacing) this.later();
          }),
          EditorView.domEventHandlers({ blur: () => this.flush() }),
        ],
      }),
    });
    this.show(component.data);
  }

  get text() {
    return this.view.state.doc.toString();
  }

  /** The server has drawn again: another draft replaces the text, the same one only gets its marks. */
  update(component) {
    this.component = component;
    const { data } = component;
    if (data.generation !== this.generation) {
      this.generation = data.generation;
      if (data.text === this.sent) {
        // The draft was saved: what was typed since is still on its way.
        if (this.text !== this.sent) this.later();
      } else {
        clearTimeout(this.timer);
        this.replacing = true;
        this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: data.text } });
        this.replacing = false;
        this.sent = data.text;
      }
    }
    this.show(data);
  }

  show(data) {
    this.host.style.height = `${data.height}px`;
    const { state } = this.view;
    // Marks of a text that was typed over since are at the wrong places; the next ones are on their way.
    if (data.text === this.text) {
      this.view.dispatch(setDiagnostics(state, diagnostics(state, data.problems)));
      this.view.dispatch({ effects: setBranches.of(branchMarks(this.view.state, data.branches)) });
    }
    const known = JSON.stringify(data.vocabulary);
    if (known !== this.known) {
      this.known = known;
      this.view.dispatch({ effects: this.words.reconfigure(vocabulary.of(data.vocabulary)) });
    }
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), REST_MS);
  }

  /** Sends the text where it is another one, and what is to be done with it. */
  flush(action) {
    clearTimeout(this.timer);
    const { text } = this;
    if (action) {
      this.sent = text;
      this.component.setTriggerValue("done", { text, action, generation: this.generation });
    } else if (text !== this.sent) {
      this.sent = text;
      this.component.setStateValue("draft", { text, generation: this.generation });
    }
  }

  destroy() {
    this.flush();
    this.view.destroy();
  }
}

const editors = new WeakMap();

export default function mount(component) {
  const host = component.parentElement.querySelector(".pl-editor");
  const known = editors.get(host);
  if (known) known.update(component);
  else editors.set(host, new Editor(component));
  return () => {
    // The page draws the component again after each run of the script; only where it is gone the editor ends.
    setTimeout(() => {
      if (!host.isConnected) {
        editors.get(host)?.destroy();
        editors.delete(host);
      }
    }, 0);
  };
}
