"use strict";
// Search, sort and fold. Without this script the page is readable all the same.
(() => {
  const root = document.documentElement;
  const table = document.getElementById("claims-table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const search = document.getElementById("search");
  const only = document.getElementById("only");
  const shown = document.getElementById("shown");
  const claims = [...document.querySelectorAll("details.claim")];
  const byId = (id) => document.getElementById(id);
  root.classList.add("scripted");

  const texts = new Map(rows.map((row) =>
    [row, `${row.textContent} ${row.dataset.more}`.toLowerCase()]));

  function choose() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const fits = words.every((word) => texts.get(row).includes(word)) &&
        (!only.value || row.dataset.verdict === only.value);
      row.hidden = !fits;
      byId(row.dataset.of).hidden = !fits;
      count += fits;
    }
    shown.textContent = count === rows.length
      ? `${count} claim${count === 1 ? "" : "s"}` : `${count} of ${rows.length}`;
  }
  search.addEventListener("input", choose);
  only.addEventListener("change", choose);
  byId("filter").addEventListener("submit", (event) => event.preventDefault());

  function value(row, column) {
    const text = row.cells[column].dataset.sort;
    return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text.toLowerCase();
  }
  function compare(a, b) {
    if (typeof a === typeof b) return a < b ? -1 : Number(a > b);
    return typeof a === "number" ? -1 : 1;
  }
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const sorted = rows.map((row, place) => [value(row, column), place, row]);
      sorted.sort((a, b) => (up ? 1 : -1) * compare(a[0], b[0]) || a[1] - b[1]);
      body.append(...sorted.map((item) => item[2]));
    });
  });

  const unfold = byId("unfold");
  unfold.addEventListener("click", () => {
    const open = unfold.getAttribute("aria-pressed") !== "true";
    for (const claim of claims) claim.open = open;
    unfold.setAttribute("aria-pressed", String(open));
    unfold.textContent = open ? "Close all" : "Open all";
  });

  function follow() {
    const target = byId(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.matches("details.claim")) return;
    if (target.hidden) {
      search.value = only.value = "";
      choose();
    }
    target.open = true;
    target.scrollIntoView();
  }
  window.addEventListener("hashchange", follow);
  // A link in a heading also folds: the address alone should change.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("summary a");
    if (!link) return;
    event.preventDefault();
    history.replaceState(null, "", link.getAttribute("href"));
    follow();
  });

  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = claims.filter((claim) => !claim.open);
    for (const claim of closed) claim.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const claim of closed) claim.open = false;
  });
  follow();
})();
