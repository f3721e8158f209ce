// The language of prompt files: front matter, lines that name a role, and Jinja2 in between.

import { LanguageSupport, StreamLanguage, foldService } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const ROLE = /^(system|user|assistant|developer|tool):\s*$/;
const KEYWORDS = new Set(
  ("and as block break call continue do elif else endblock endcall endfilter endfor endif endmacro endraw endset endwith " +
    "filter for if in is macro not or raw recursive scoped set with without context ignore missing").split(" "),
);
const CONSTANTS = new Set(["true", "false", "none", "True", "False", "None", "loop", "range", "dict", "namespace", "cycler", "joiner"]);
const NAME = /^[A-Za-z_]\w*/;

function startState() {
  // inside: "" for text, else the two characters that end the Jinja part; raw: within {% raw %}
  return { matter: false, firstLine: true, inside: "", afterBar: false, quote: "", raw: false };
}

function token(stream, state) {
  if (stream.sol()) {
    if (state.firstLine) {
      state.firstLine = false;
      if (stream.match(/^---\s*$/)) {
        state.matter = true;
        return "meta";
      }
    } else if (state.matter && stream.match(/^---\s*$/)) {
      state.matter = false;
      return "meta";
    }
    if (!state.matter && !state.inside && stream.match(ROLE)) return "heading";
  }
  if (state.matter) return frontMatter(stream);
  if (state.inside === "#}") return comment(stream, state);
  if (state.inside) return expression(stream, state);
  return text(stream, state);
}

function frontMatter(stream) {
  if (stream.match(/^\s*#.*/)) return "comment";
  if (stream.match(/^\s*[\w-]+(?=\s*:)/)) return "propertyName";
  if (stream.match(/^"(?:[^"\\]|\\.)*"/) || stream.match(/^'[^']*'/)) return "string";
  if (stream.match(/^-?\d+(\.\d+)?(?=[\s,}\]]|$)/)) return "number";
  if (stream.match(/^(true|false|null)\b/)) return "bool";
  stream.next();
  stream.eatWhile(/[^\s"',\[\]{}:]/);
  return null;
}

function text(stream, state) {
  if (state.raw) {
    if (stream.match(/^\{%[-+]?\s*endraw\s*[-+]?%\}/)) {
      state.raw = false;
      return "keyword";
    }
    stream.next();
    stream.eatWhile(/[^{]/);
    return null;
  }
  if (stream.match(/^\{%[-+]?\s*raw\s*[-+]?%\}/)) {
    state.raw = true;
    return "keyword";
  }
  const open = stream.match(/^\{([{%#])[-+]?/);
  if (open) {
    state.inside = { "{": "}}", "%": "%}", "#": "#}" }[open[1]];
    return state.inside === "#}" ? "comment" : "brace";
  }
  stream.next();
  stream.eatWhile(/[^{]/);
  return null;
}

function comment(stream, state) {
  if (stream.match(/^.*?#\}/)) state.inside = "";
  else stream.skipToEnd();
  return "comment";
}

function expression(stream, state) {
  if (state.quote) return string(stream, state);
  if (stream.eatSpace()) return null;
  if (stream.match(new RegExp(`^[-+]?${state.inside}`))) {
    state.inside = "";
    return "brace";
  }
  const quote = stream.match(/^["']/);
  if (quote) {
    state.quote = quote[0];
    return string(stream, state);
  }
  if (stream.match(/^\d+(\.\d+)?/)) return "number";
  const name = stream.match(NAME);
  if (name) {
    const bar = state.afterBar;
    state.afterBar = false;
    if (bar) return "function";
    if (KEYWORDS.has(name[0])) return "keyword";
    return CONSTANTS.has(name[0]) ? "bool" : "variableName";
  }
  state.afterBar = stream.next() === "|";
  return "operator";
}

function string(stream, state) {
  let escaped = false;
  let next;
  while ((next = stream.next()) != null) {
    if (next === state.quote && !escaped) {
      state.quote = "";
      break;
    }
    escaped = next === "\\" && !escaped;
  }
  return "string";
}

const prompt = StreamLanguage.define({
  name: "prompt",
  startState,
  token,
  languageData: { commentTokens: { block: { open: "{#", close: "#}" } }, closeBrackets: { brackets: ["(", "[", "{", "'", '"'] } },
  tokenTable: {
    brace: tags.processingInstruction,
    function: tags.function(tags.variableName),
    heading: tags.heading,
  },
});

/** A message folds from its role line to the next one. */
const messages = foldService.of((state, start) => {
  const line = state.doc.lineAt(start);
  if (!ROLE.test(line.text)) return null;
  let last = line;
  for (let number = line.number + 1; number <= state.doc.lines; number += 1) {
    const next = state.doc.line(number);
    if (ROLE.test(next.text)) break;
    last = next;
  }
  return last.to > line.to ? { from: line.to, to: last.to } : null;
});

export function promptLanguage() {
  return new LanguageSupport(prompt, [messages]);
}
