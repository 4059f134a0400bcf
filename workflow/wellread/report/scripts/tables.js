// Tables that can be sorted, searched and downloaded. Without this script they are plain tables.
"use strict";

window.tables = (() => {
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };

  const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();

  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  // Offer rows (arrays of text, the first the header) as a file.
  function download(name, rows) {
    const text = rows.map((row) => row.map((cell) => quoted(String(cell ?? ""))).join(",")).join("\r\n") + "\r\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // Numbers by size, all else as text; what is empty stays last.
  function compared(a, b, sign) {
    if (a === "" || b === "") return (a === "") - (b === "");
    const [m, n] = [Number(a), Number(b)];
    return sign * (Number.isNaN(m) || Number.isNaN(n) ? a.localeCompare(b, "en", { numeric: true }) : m - n);
  }

  function sort(table, column) {
    const head = table.tHead.rows[0].cells[column];
    const sign = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].sort((a, b) => compared(value(a, column), value(b, column), sign));
    table.tBodies[0].append(...rows);
    filter(table);
  }

  const found = (table) => [...table.tBodies[0].rows].filter((row) => row.found);

  // Show the rows that have every searched word and, if asked, are picked: the first of them, or all if that is asked.
  function filter(table) {
    const words = table.search.value.toLowerCase().split(/\s+/), rows = [...table.tBodies[0].rows];
    let n = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.found = words.every((word) => text.includes(word)) && (!table.only.checked || row.classList.contains("picked"));
      if (row.found) n += 1;
      row.hidden = !row.found || n > table.most;
    }
    const some = n > table.most ? `, the first ${table.most} of them shown` : "";
    table.count.textContent = `${n.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows${some}`;
    table.all.hidden = !some;
  }

  function csv(table) {
    const heads = [...table.tHead.rows[0].cells];
    const kept = heads.map((_, i) => i).filter((i) => heads[i].dataset.key);
    return [kept.map((i) => heads[i].dataset.key), ...found(table).map((row) => kept.map((i) => value(row, i)))];
  }

  function tools(table) {
    const bar = document.createElement("div");
    bar.className = "tools";
    const label = (text, field) => {
      const made = document.createElement("label");
      made.append(...(field.type === "checkbox" ? [field, ` ${text}`] : [`${text} `, field]));
      return made;
    };
    table.search = Object.assign(document.createElement("input"), { type: "search" });
    table.only = Object.assign(document.createElement("input"), { type: "checkbox" });
    table.count = document.createElement("output");
    table.most = Number(table.dataset.first);
    table.all = button("Show all", () => {
      table.most = Infinity;
      filter(table);
    });
    for (const field of [table.search, table.only]) field.addEventListener("input", () => filter(table));
    bar.append(label("Search", table.search), label("selected only", table.only), table.count, table.all);
    bar.append(button("Download CSV", () => download(table.dataset.file, csv(table))));
    table.closest(".scroll").before(bar);
    filter(table);
  }

  function start(table) {
    tools(table);
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (!head.dataset.key) return;
      const words = button("", () => sort(table, column));
      words.append(...head.childNodes);
      words.title = "sort";
      head.append(words);
    });
  }

  document.querySelectorAll("table.sortable").forEach(start);
  return { button, download, filter };
})();
