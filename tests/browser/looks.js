/* What tests of the look ask a page (tests/browser/site.py). Each function answers with sentences; none means nothing is wrong. */
(() => {
  /* Pixels by which a ring may reach over the word before or behind it, beside whose letters is room. */
  const BESIDE = 3.5;
  return {
  /* Links and buttons whose name for screen readers and voice control lacks the words on them. */
  unsaidWords: () => [...document.querySelectorAll('[aria-label], [aria-labelledby]')]
    .filter((one) => one.matches('a[href], button, summary, [role=button]') && one.checkVisibility({visibilityProperty: true}))
    .map((one) => {
        const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
        const labels = (one.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent);
        const name = plain(one.getAttribute('aria-label') ?? labels.join(' '));
        const seen = [];
        const texts = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const {parentElement: parent, data} = texts.currentNode;
            if (!parent.closest('[aria-hidden=true], .visually-hidden') && parent.checkVisibility()) seen.push(data);
        }
        const words = plain(seen.join(' '));
        return name.includes(words) ? '' : `is called "${name}" and reads "${words}": ${one.outerHTML.slice(0, 100)}`;
    }).filter(Boolean),

  /* Text that the focus ring of something beside it is drawn over. */
  coveredText: () => {
    const shown = (one) => one.checkVisibility({visibilityProperty: true, opacityProperty: true});
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (!node.data.trim() || !shown(node.parentElement) || node.parentElement.closest('.visually-hidden, player-bar')) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        // Of each line the part between its baseline and the height of its capitals.
        for (const {left, right, top, height} of range.getClientRects())
            texts.push({node, left, right, top: top + 0.22 * height, bottom: top + 0.78 * height});
    }
    const found = [];
    for (const one of document.querySelectorAll('main :is(a[href], button, input, select, summary, textarea)')) {
        if (!shown(one) || one.disabled) continue;
        one.focus({focusVisible: true, preventScroll: true});
        for (const ringed of [one, one.nextElementSibling, ...one.children].filter(Boolean)) {
            const {outlineStyle, outlineWidth, outlineOffset} = getComputedStyle(ringed);
            if (outlineStyle === 'none') continue;
            const [width, offset] = [parseFloat(outlineWidth), parseFloat(outlineOffset)];
            // A link that goes over two lines has a ring around each part.
            for (const box of ringed.getClientRects()) {
                if (!width || !box.width) continue;
                const grown = (by) => ({left: box.left - by, right: box.right + by, top: box.top - by, bottom: box.bottom + by});
                const [inner, outer] = [grown(offset), grown(offset + width)];
                const cut = texts.find((text) => !ringed.contains(text.node) && !one.contains(text.node) &&
                    text.left < outer.right - BESIDE && text.right > outer.left + BESIDE && text.top < outer.bottom && text.bottom > outer.top &&
                    !(text.left >= inner.left && text.right <= inner.right && text.top >= inner.top && text.bottom <= inner.bottom));
                if (cut) found.push(`the focus ring of ${one.outerHTML.slice(0, 90)} covers "${cut.node.data.trim().slice(0, 40)}"`);
            }
        }
    }
    document.activeElement?.blur();
    return found;
},
};
})()
