// Applies the theme that the viewer chose, before the first paint. Without a choice the system's preference rules.
(() => {
  try {
    const chosen = localStorage.getItem('weir-theme');
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be forbidden; the preference of the system is then all there is.
  }
})();
