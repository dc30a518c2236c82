// xterm.js writes `<style>` elements and `style` attributes as text, which the strict policy of the pages refuses.
// Where this module is loaded, the same styles are set by the ways that the policy allows: the text of a style
// element becomes a constructed sheet, that of an attribute goes through the element's own style object.

const create = document.createElement.bind(document);

function styleWithoutElement(): HTMLElement {
  const element = create("template");
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

document.createElement = (tag: string, options?: ElementCreationOptions): HTMLElement =>
  tag === "style" ? styleWithoutElement() : create(tag, options);

const setAttribute = HTMLElement.prototype.setAttribute;

HTMLElement.prototype.setAttribute = function (this: HTMLElement, name: string, value: string): void {
  if (name === "style") this.style.cssText = value;
  else setAttribute.call(this, name, value);
};
