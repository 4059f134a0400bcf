// Every picture can be enlarged: a click, or Enter, opens it over the page; a click or Escape closes it.
(() => {
  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  dialog.addEventListener("click", () => dialog.close());
  const open = (picture) => {
    const copy = picture.cloneNode();
    copy.removeAttribute("role");
    copy.removeAttribute("tabindex");
    copy.className = picture.closest(".white") ? "white" : "";
    dialog.setAttribute("aria-label", picture.alt);
    dialog.replaceChildren(copy);
    dialog.showModal();
  };
  document.body.append(dialog);
  for (const picture of document.querySelectorAll("main figure > img, main .group > img")) {
    picture.tabIndex = 0;
    picture.setAttribute("role", "button");
    picture.setAttribute("aria-label", `enlarge: ${picture.alt}`);
    picture.addEventListener("click", () => open(picture));
    picture.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        open(picture);
      }
    });
  }
})();
