// The editor in Streamlit's colours, light or dark: they come as CSS variables, so that a change of theme needs no code.

import { EditorView } from "@codemirror/view";

const tinted = (share) => `color-mix(in srgb, var(--st-primary-color) ${share}%, transparent)`;
const raised = {
  backgroundColor: "var(--st-secondary-background-color)",
  color: "var(--st-text-color)",
  border: "1px solid var(--st-border-color)",
};

export const theme = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--st-background-color)", color: "var(--st-text-color)", fontSize: "0.9rem" },
  "&.cm-focused": { outline: "2px solid var(--st-primary-color)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: 'var(--st-code-font, "Source Code Pro"), ui-monospace, monospace', lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--st-text-color)", padding: "6px 0" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--st-text-color)" },
  ".cm-gutters": {
    backgroundColor: "var(--st-secondary-background-color)",
    color: "color-mix(in srgb, var(--st-text-color) 60%, transparent)",
    border: "0",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: tinted(8) },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: tinted(28) },
  ".cm-selectionMatch": { backgroundColor: tinted(18) },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: tinted(25) },
  ".cm-placeholder": { color: "color-mix(in srgb, var(--st-text-color) 55%, transparent)" },
  ".cm-tooltip": raised,
  ".cm-panels": raised,
  ".cm-textfield": { ...raised, backgroundColor: "var(--st-background-color)" },
  ".cm-button": { ...raised, backgroundImage: "none" },
  ".cm-foldPlaceholder": raised,
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--st-primary-color)",
    color: "var(--st-background-color)",
  },
  ".cm-tooltip-lint": { maxWidth: "46ch", whiteSpace: "pre-wrap" },
  ".pl-branches": { width: "5px" },
});
