// A form answers with its field (in Chromium), and a document with its picture (in Firefox), where one is named like what it
// is asked for, also to scripts of an extension. What the browser itself has by a name stands in the prototype. A classic
// script; the two beside it ask by it whatever may be a form or a document.

globalThis.unmaskAsk = (whom, name, ...args) => {
    const answer = Reflect.get(Object.getPrototypeOf(whom), name, whom);
    return typeof answer === 'function' ? answer.apply(whom, args) : answer;
};
