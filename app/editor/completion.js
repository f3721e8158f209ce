// What can be written next: variables that the data has, filters, tests and tags of Jinja2.

import { autocompletion } from "@codemirror/autocomplete";
import { Facet } from "@codemirror/state";

/** { variables: [{name, detail}], filters: [name], tests: [name] }, as the server knows them. */
export const vocabulary = Facet.define({ combine: (values) => values[0] ?? { variables: [], filters: [], tests: [] } });

const TAGS = ["if", "elif", "else", "endif", "for", "endfor", "set", "endset", "macro", "endmacro", "raw", "endraw", "with", "endwith", "filter", "endfilter"];

/** The Jinja part that the cursor is in: "{{" or "{%", and its text up to the cursor; null outside. */
function partBefore(state, place) {
  const from = Math.max(0, place - 2000);
  const before = state.doc.sliceString(from, place);
  const open = Math.max(before.lastIndexOf("{{"), before.lastIndexOf("{%"));
  if (open < 0) return null;
  const part = before.slice(open + 2);
  return part.includes("}}") || part.includes("%}") ? null : { kind: before.slice(open, open + 2), text: part };
}

function complete(context) {
  const part = partBefore(context.state, context.pos);
  if (!part) return null;
  const word = context.matchBefore(/\w*/);
  const before = part.text.slice(0, part.text.length - (word ? word.to - word.from : 0));
  const known = context.state.facet(vocabulary);
  if (!context.explicit && word && word.from === word.to && !/[|{%\s]$/.test(part.kind + before)) return null;
  if (/\.\s*$/.test(before)) return null;
  const as = (names, type) => names.map((label) => ({ label, type }));
  let options;
  if (/\|\s*$/.test(before)) options = as(known.filters, "function");
  else if (/\bis\s+(not\s+)?$/.test(before)) options = as(known.tests, "function");
  else if (part.kind === "{%" && /^[-+]?\s*$/.test(before)) options = as(TAGS, "keyword");
  else options = known.variables.map(({ name, detail }) => ({ label: name, type: "variable", detail }));
  return { from: word ? word.from : context.pos, options, validFor: /^\w*$/ };
}

export const completion = autocompletion({ override: [complete], icons: false });
