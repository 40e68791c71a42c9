// A click on a column's head sorts the table: best first where one way is better, then the other way round.
for (const button of document.querySelectorAll("th[data-column] button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0], column = +head.dataset.column;
    const before = head.getAttribute("aria-sort") ?? (head.dataset.better === "higher" ? "ascending" : "descending");
    const sign = before === "ascending" ? -1 : 1;
    for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const key = (row) => row.cells[column].dataset.order ?? "";
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      return sign * (column ? x - y : x.localeCompare(y));
    };
    body.append(...[...body.rows].sort(compare));
  });
}
// What a number opens stands below it, or above where there is no room.
addEventListener("toggle", (event) => {
  const opened = event.target;
  if (event.newState !== "open" || !opened.matches("[popover]")) return;
  const at = document.querySelector(`[popovertarget="${opened.id}"]`).getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = opened;
  const below = at.bottom + 6, above = at.top - height - 6, lowest = Math.max(8, innerHeight - height - 8);
  opened.style.margin = 0;
  opened.style.left = `${Math.max(8, Math.min(at.right - width, document.documentElement.clientWidth - width - 8))}px`;
  opened.style.top = `${below + height < innerHeight || above < 8 ? Math.min(below, lowest) : above}px`;
}, true);
// Parts are open where there is room, and where a link leads.
const parts = document.querySelectorAll("details.part");
if (matchMedia("(min-width: 52rem)").matches) parts.forEach((part) => { part.open = true; });
const follow = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1)), part = target && target.closest("details.part");
  if (part) { part.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", follow);
follow();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((fold) => { fold.open = true; }));
