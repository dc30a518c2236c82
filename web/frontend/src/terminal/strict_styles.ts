// xterm.js writes `<style>` elements, which the strict policy of the pages refuses. Where this module is loaded,
// the text of such an element becomes a constructed style sheet, which the policy has no objection to.

const create = document.createElement.bind(document);

function keepAsSheet(element: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, "textContent", {
    set: (text: string) => {
      sheet.replaceSync(text);
    },
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

document.createElement = (tag: string, options?: ElementCreationOptions): HTMLElement => {
  const element = create(tag, options);
  return tag === "style" ? keepAsSheet(element) : element;
};
