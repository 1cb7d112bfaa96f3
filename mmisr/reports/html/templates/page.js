"use strict";

/* Tables: a click, or Enter on a head, sorts; numbers by value, words by the alphabet, what is missing comes last. */
function sortTable(table, column, ascending) {
  const body = table.tBodies[0];
  const key = (row) => {
    const cell = row.cells[column];
    if (!("sort" in cell.dataset)) return null;
    return cell.classList.contains("word") ? cell.dataset.sort : Number(cell.dataset.sort);
  };
  const order = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    const found = typeof x === "string" ? x.localeCompare(y) : x - y;
    return ascending ? found : -found;
  };
  body.append(...[...body.rows].sort(order));
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const words = table.tBodies[0].querySelector(`td:nth-child(${column + 1}).word, th:nth-child(${column + 1}).word`);
      const before = head.getAttribute("aria-sort");
      /* Names first rise, figures first fall: what is best is then on top. */
      const ascending = before === "none" ? Boolean(words) : before === "descending";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      sortTable(table, column, ascending);
    });
  });
}

/* Pictures: which arm lies left and right of the divider, where it stands, and what is drawn over them. */
const gallery = document.getElementById("gallery");
if (gallery) {
  const left = document.getElementById("left");
  const right = document.getElementById("right");

  const say = (input) => {
    const share = Number(input.value);
    input.closest(".stage").style.setProperty("--cut", `${share}%`);
    input.setAttribute("aria-valuetext", `${left.value} on ${share} %, ${right.value} on ${100 - share} %`);
  };
  const choose = () => {
    for (const layer of gallery.querySelectorAll(".layer")) {
      layer.classList.toggle("left", layer.dataset.arm === left.value);
      layer.classList.toggle("right", layer.dataset.arm === right.value);
    }
    for (const name of gallery.querySelectorAll(".left-name")) name.textContent = left.value;
    for (const name of gallery.querySelectorAll(".right-name")) name.textContent = right.value;
    for (const facts of gallery.querySelectorAll(".facts [data-arm]"))
      facts.hidden = facts.dataset.arm !== left.value && facts.dataset.arm !== right.value;
    gallery.querySelectorAll("input[type=range]").forEach(say);
  };
  const show = (box) => gallery.classList.toggle(`show-${box.dataset.show}`, box.checked);

  gallery.addEventListener("input", (event) => {
    if (event.target.type === "range") say(event.target);
  });
  left.addEventListener("change", choose);
  right.addEventListener("change", choose);
  for (const box of gallery.querySelectorAll("[data-show]")) {
    box.addEventListener("change", () => show(box));
    show(box);
  }
  gallery.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  choose();
}
