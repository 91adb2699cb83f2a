// Looks at the page that is open and says what is wrong with it, one line each: `kind: what`.
(() => {
  const problems = [];
  const say = (kind, what) => problems.push(`${kind}: ${what}`);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const name = element => {
    const near = element.closest("[id]");
    const text = (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40);
    return `<${element.tagName.toLowerCase()}> in #${near ? near.id : "?"} “${text}”`;
  };
  const box = element => element.getBoundingClientRect();
  const seen = element => element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });

  // the page does not scroll sideways
  const [wide, room] = [document.documentElement.scrollWidth, document.documentElement.clientWidth];
  if (wide > room) {
    const out = all("body *").filter(e => box(e).right > room + 1).slice(0, 3);
    say("overflow", `${wide} px on ${room}: ${out.map(name).join("; ")}`);
  }

  // what scrolls in its own box can be reached by keyboard, and words stay in their cells
  for (const e of all("body *"))
    if (/auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth && e.tabIndex < 0) say("keyboard", name(e));
  for (const cell of all("td, th").filter(seen))
    if (cell.scrollWidth > cell.clientWidth + 2) say("cell", `${name(cell)} is ${cell.scrollWidth} px on ${cell.clientWidth}`);

  // figures are there, say what they show, and have something drawn in them
  for (const figure of all("figure, .map")) {
    const { width, height } = box(figure);
    if (!(width > 40 && height > 40)) say("figure", `${name(figure)} has ${width} x ${height} px`);
  }
  for (const svg of all("figure").map(figure => figure.querySelector("svg") || figure)) {
    if (svg.tagName !== "svg") { say("figure", `${name(svg)} has no drawing`); continue; }
    const marks = all("g *", svg).filter(mark => box(mark).width + box(mark).height > 0);
    if (!marks.length) say("figure", `${name(svg)} shows nothing`);
    for (const tag of ["title", "desc"])
      if (!svg.querySelector(`:scope > ${tag}`)?.textContent.trim()) say("words", `${name(svg)} has no ${tag}`);
    if (svg.getAttribute("role") !== "img") say("words", `${name(svg)} is no image`);
    for (const mark of all("path, circle", svg).map(box)) {
      const frame = box(svg);
      if (mark.right > frame.right + 3 || mark.left < frame.left - 3 || mark.bottom > frame.bottom + 3 || mark.top < frame.top - 6)
        say("figure", `${name(svg)}: a mark lies outside`);
    }
  }
  for (const id of ["times", "curves", "bound", "curve", "repetitions", "leechers"]) {
    const section = document.getElementById(id);
    if (section && !section.querySelector("figure") && !/n\/a: /.test(section.textContent)) say("figure", `none in #${id}, and no reason`);
  }

  // words of a drawing lie beside each other, within it
  for (const svg of all("figure svg")) {
    const frame = box(svg);
    const words = all("text", svg).map(text => [text, box(text)]);
    for (const [text, at] of words)
      if (at.left < frame.left - 2 || at.right > frame.right + 4 || at.top < frame.top - 4 || at.bottom > frame.bottom + 3) say("label", `${name(text)} leaves its drawing`);
    for (let i = 0; i < words.length; i++)
      for (let j = 0; j < i; j++) {
        const [a, b] = [words[i][1], words[j][1]];
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        // boxes of letters have room above and below
        if (across > 0.5 && down > 3) say("label", `${name(words[i][0])} and “${words[j][0].textContent}” overlap`);
      }
  }

  // headings go down one step at a time
  const levels = all("h1, h2, h3, h4, h5, h6").map(heading => [Number(heading.tagName[1]), heading]);
  if (!levels.length || levels[0][0] !== 1 || levels.filter(([level]) => level === 1).length !== 1) say("heading", "not one h1 at the start");
  levels.reduce((before, [level, heading]) => {
    if (level > before + 1) say("heading", `h${level} after h${before}: ${name(heading)}`);
    return level;
  }, 1);

  // names are unique, tables are named, heads have a scope
  const ids = all("[id]").map(element => element.id);
  for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) say("id", `#${id} is there more than once`);
  for (const element of all("[aria-labelledby]"))
    for (const id of element.getAttribute("aria-labelledby").split(" "))
      if (!document.getElementById(id)) say("id", `${name(element)} is named by #${id}, which is not there`);
  for (const table of all("table")) if (!table.caption?.textContent.trim()) say("table", `${name(table)} has no caption`);
  for (const head of all("th")) if (!head.scope) say("table", `${name(head)} has no scope`);
  for (const landmark of ["main", "footer"]) if (all(landmark).length !== 1) say("landmark", `not one ${landmark}`);
  for (const link of all("a")) if (!(link.getAttribute("aria-label") || link.textContent).trim()) say("words", `${name(link)} is a link without words`);

  // text can be read: the ratio of WCAG 2.2, success criterion 1.4.3
  const colour = text => {
    const parts = (text.match(/[\d.]+/g) || []).map(Number);
    return text.startsWith("rgb") ? [...parts.slice(0, 3), parts[3] ?? 1] : text.startsWith("color(srgb") ? [...parts.slice(0, 3).map(p => p * 255), parts[3] ?? 1] : [0, 0, 0, 0];
  };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3]));
  const behind = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      layers.push(colour(getComputedStyle(e).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const low = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !seen(element) || element.closest("title, desc, style, .hidden, .skip")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const ink = over(colour(element.closest("svg") ? style.fill : style.color), ground);
    const [a, b] = [light(ink), light(ground)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < least) low.set(`${style.color} on ${ground.map(Math.round)}`, `${ratio.toFixed(2)} of ${least}: ${name(element)}`);
  }
  for (const [colours, what] of low) say("contrast", `${colours}: ${what}`);

  // letters are large enough to be read
  for (const text of all("figure svg text")) {
    const scale = text.ownerSVGElement.getScreenCTM().a;
    if (parseFloat(getComputedStyle(text).fontSize) * scale < (matchMedia("print").matches ? 7 : 9.5)) { say("small", name(text)); break; }
  }

  return problems;
})()
