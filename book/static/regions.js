// What scrolls by itself can be reached by the keyboard, and says what it is.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
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
