/* Small things that the theme leaves undone. */
(() => {
  // A box that scrolls sideways can be reached by keyboard, and only then.
  const boxes = "div.math, .highlight pre, .pst-scrollable-table-container, .cell_output .text_html, mjx-container.gt-wide";
  const reach = (box) => {
    const scrolls = box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible";
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  const reachAll = () => {
    for (const math of document.querySelectorAll("article mjx-container:not([display]):not(table *)")) {
      const room = math.closest("p, li, td, dd, summary, div")?.clientWidth;
      if (room) math.classList.toggle("gt-wide", math.scrollWidth > room + 1);
    }
    document.querySelectorAll(boxes).forEach(reach);
  };
  addEventListener("load", () => {
    reachAll();
    window.MathJax?.startup?.promise?.then(reachAll);
  });
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(reachAll, 200);
  });

  // What a link points at is shown, also inside a fold; and paper shows every fold open.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  addEventListener("load", () => {
    if (document.querySelector("details :target")) reveal();
  });
  const folds = () => document.querySelectorAll("article details:not([open])");
  let opened = [];
  addEventListener("beforeprint", () => { opened = [...folds()]; opened.forEach((fold) => (fold.open = true)); });
  addEventListener("afterprint", () => { opened.forEach((fold) => (fold.open = false)); });
})();
