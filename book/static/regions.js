// What scrolls by itself can be reached by the keyboard, and says what it is; captions of the table of
// contents, which are headings, say of which level.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const caption of document.querySelectorAll("p.caption[role=heading]")) {
    caption.setAttribute("aria-level", "2");
  }
  const kinds = { ".highlight pre": "Code", ".table-wrapper, .cell_output .text_html": "Table" };
  for (const [selector, label] of Object.entries(kinds)) {
    for (const element of document.querySelectorAll(`${selector}, .cell_output pre`)) {
      if (element.scrollWidth > element.clientWidth && !element.hasAttribute("tabindex")) {
        element.setAttribute("tabindex", "0");
        element.setAttribute("role", "region");
        element.setAttribute("aria-label", label);
      }
    }
  }
});
