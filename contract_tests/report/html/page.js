"use strict";
(() => {
  // What a link names is opened, so that an exchange can be shared by its address.
  const open = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target) return;
    target.hidden = false;
    const details = target.querySelector(":scope > details");
    if (details) details.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll(".cause details")) one.open = true;
  });

  const form = document.getElementById("filter");
  if (form) {
    const rows = [...document.querySelectorAll(".cause, .judged > li, .exchanges > li, .way")];
    const fits = (row, name, wanted) =>
      !wanted || !(name in row.dataset) || row.dataset[name].split(" ").includes(wanted);
    const show = () => {
      const wanted = Object.fromEntries(new FormData(form));
      let shown = 0;
      for (const row of rows) {
        const is = Object.entries(wanted).every(([name, value]) => fits(row, name, value));
        row.hidden = !is;
        shown += is && row.matches(".exchanges > li, .cause[data-breaks]");
      }
      for (const list of document.querySelectorAll(".exchanges")) {
        const left = list.querySelectorAll(":scope > li:not([hidden])").length;
        list.hidden = !left;
        list.style.containIntrinsicSize = `auto ${2 * left}rem`;
      }
      form.elements.shown.value = `${shown} shown`;
    };
    form.hidden = false;
    form.addEventListener("change", show);
    form.addEventListener("reset", () => setTimeout(show));
    form.addEventListener("submit", (event) => event.preventDefault());
  }
  open();
})();
