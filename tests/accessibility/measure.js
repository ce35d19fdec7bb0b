// What the gates read from one page. Evaluated in it by the tests; never sent to visitors.
() => {
  const CONTROLS = 'a[href], button, summary, select, textarea, input:not([type="hidden"]), [role="button"], [role="tab"]'
  const named = (node) => `${node.localName} "${(node.innerText || node.value || node.name || node.id || '').trim().slice(0, 40)}"`
  const shown = (node) => node.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true })
  const real = (box) => box.width > 2 && box.height > 2

  // The place that takes the tap: a choice takes it on its whole label.
  const boxOf = (node) => {
    const row = node.closest('.balie-choice') // its label is drawn over the whole of it
    if (row) return row.getBoundingClientRect()
    const boxes = [node, ...(['radio', 'checkbox', 'file'].includes(node.type) ? node.labels ?? [] : [])]
      .map((each) => each.getBoundingClientRect())
    return {
      left: Math.min(...boxes.map((b) => b.left)), right: Math.max(...boxes.map((b) => b.right)),
      top: Math.min(...boxes.map((b) => b.top)), bottom: Math.max(...boxes.map((b) => b.bottom)),
      get width() { return this.right - this.left }, get height() { return this.bottom - this.top },
    }
  }
  const isOff = (node) => {
    // Seen only when it has focus, as the skip link.
    const box = node.getBoundingClientRect()
    return box.bottom + scrollY <= 0 || box.right + scrollX <= 0 || getComputedStyle(node).clipPath === 'inset(50%)'
  }
  const controls = () => [...document.querySelectorAll(CONTROLS)].filter((node) =>
    shown(node) && real(node.getBoundingClientRect()) && !isOff(node) && node.type !== 'hidden')

  const inSentence = (node, display = ['inline']) => {
    if (node.localName !== 'a' || !display.includes(getComputedStyle(node).display)) return false
    let block = node.parentElement
    while (getComputedStyle(block).display === 'inline') block = block.parentElement
    if (/flex|grid/.test(getComputedStyle(block).display)) return false // parts beside each other, no sentence
    return block.innerText.trim().length > node.innerText.trim().length + 1
  }

  // What floats over a page has no fixed distance to what scrolls below it.
  const floats = (node) => {
    for (let at = node; at && at !== document.body; at = at.parentElement) {
      if (['sticky', 'fixed'].includes(getComputedStyle(at).position)) return at
    }
    return null
  }

  const targets = (least, tall, gap, sentences) => {
    const faults = []
    const all = controls().filter((node) => !(sentences && inSentence(node)))
    const boxes = all.map(boxOf)
    all.forEach((node, at) => {
      const box = boxes[at]
      if (box.width < least - 0.5 || box.height < tall - 0.5) {
        faults.push(`${named(node)} is ${Math.round(box.width)}×${Math.round(box.height)}`)
      }
      for (let other = at + 1; other < all.length; other += 1) {
        if (all[other].contains(node) || node.contains(all[other])) continue
        if (floats(node) !== floats(all[other])) continue
        const b = boxes[other]
        const apart = Math.max(b.left - box.right, box.left - b.right, b.top - box.bottom, box.top - b.bottom)
        if (apart < gap - 0.5) faults.push(`${named(node)} and ${named(all[other])} are ${Math.round(apart)} apart`)
      }
    })
    return faults
  }

  const reflow = () => {
    const faults = []
    const root = document.scrollingElement
    if (root.scrollWidth > root.clientWidth + 1) {
      const wide = [...document.body.querySelectorAll('*')].find((node) =>
        shown(node) && real(node.getBoundingClientRect()) && node.getBoundingClientRect().right > root.clientWidth + 1)
      faults.push(`${root.scrollWidth} px wide, by ${wide ? `${named(wide)} ${wide.className}` : 'something'}`)
    }
    for (const node of controls()) {
      const target = ['radio', 'checkbox', 'file'].includes(node.type) && node.labels?.length ? node.labels[0] : node
      target.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' })
      const boxes = [...target.getClientRects()]
      const hit = boxes.some((box) => {
        const at = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        return at && (target.contains(at) || at.contains(node) && at.localName === 'label' || at === node)
      })
      if (!hit) faults.push(`${named(node)} cannot be reached`)
    }
    scrollTo(0, 0)
    return faults
  }

  const linesOf = (node) => node.innerText.split('\n').map((line) => line.trim()).filter(Boolean)
  const main = document.querySelector('main')
  return {
    targets, reflow,
    text: () => {
      const bar = main?.querySelector('[data-slot="bar"]')
      const was = bar?.hidden
      if (bar) bar.hidden = true
      const lines = main ? linesOf(main) : []
      if (bar) bar.hidden = was
      return lines
    },
    moving: () => document.getAnimations().filter((each) =>
      each.playState === 'running' && each.effect.getComputedTiming().activeDuration > 200)
      .map((each) => named(each.effect.target)),
    phone: () => controls().some((node) => node.href?.startsWith('tel:')),
    hasBar: () => Boolean(document.querySelector('[data-step="call"] [data-slot="bar"]:not([hidden]) button')),
    bareLinks: () => controls().filter((node) => inSentence(node, ['inline', 'inline-block', 'inline-flex'])).map(named),
    heading: () => ({ title: document.title, headings: [...document.querySelectorAll('h1')].filter(shown).map((h) => h.innerText.trim()) }),
  }
}
