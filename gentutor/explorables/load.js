// On a static page: fetch an explorable's script when its picture comes near the window, for some bring trained weights.
(() => {
  const folder = document.currentScript.src.replace(/load\.js.*$/, "");
  const asked = new Set();
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        const name = target.dataset.explorable;
        if (!isIntersecting || asked.has(name)) continue;
        asked.add(name);
        document.head.append(Object.assign(document.createElement("script"), { src: `${folder}${name}.js` }));
      }
    },
    { rootMargin: "300px" },
  );
  for (const el of document.querySelectorAll("[data-explorable]")) near.observe(el);
})();
