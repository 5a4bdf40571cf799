// A click meant for one card must not hit another that has just slid under the pointer, nor one that has just appeared.

export const REST = 600; // ms; about the time from seeing a target to clicking it

/** Returns look(cards, quietly): to be called with the cards by id after every drawing; `quietly` only learns where they stand. */
export function steady(root) {
  const tops = new Map(); // id -> distance from the top of the page
  const until = new Map(); // id -> when its buttons listen again
  let waiting = 0;

  root.addEventListener(
    "click",
    (event) => {
      if (!event.detail) return; // by key: it hits what has the focus
      if (!event.target.closest("button") || !event.target.closest(".moving")) return;
      event.stopPropagation();
      event.preventDefault();
    },
    true,
  );

  function look(cards, quietly = false) {
    const now = performance.now();
    let last = 0;
    for (const id of tops.keys()) if (!cards.has(id)) tops.delete(id);
    for (const [id, element] of cards) {
      if (!element.isConnected) continue;
      const top = element.getBoundingClientRect().top + scrollY;
      if (!quietly && Math.abs(top - (tops.get(id) ?? Infinity)) > 1) until.set(id, now + REST);
      tops.set(id, top);
      const end = until.get(id) ?? 0;
      if (end > now) last = Math.max(last, end);
      else until.delete(id);
      element.classList.toggle("moving", end > now);
    }
    clearTimeout(waiting);
    if (last) waiting = setTimeout(() => look(cards), last - now + 10);
  }
  return look;
}
