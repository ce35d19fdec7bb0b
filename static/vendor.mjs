// Fills static/vendor/ from node_modules: the library's single stylesheets joined, the font, their licences.
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)
const target = join(here, 'vendor')
const modules = join(root, 'node_modules')
const names = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies)
const styles = names.filter((name) => name.startsWith('@utrecht/'))
const font = join(modules, '@fontsource-variable/atkinson-hyperlegible-next')

// Blocks that no page of ours uses; a selector list is kept when one of its selectors is used.
const unused = /--html-content|--hidden\b|utrecht-html|utrecht-textbox--numeric|utrecht-button--submit/

function withoutUnused(css) {
  return css.replace(/(^|[{}])([^{}@]+)\{[^{}]*\}/g, (rule, before, selectors) =>
    selectors.split(',').every((selector) => unused.test(selector)) ? before : rule)
}

function style(name) {
  return withoutUnused(readFileSync(join(modules, name, 'dist/index.css'), 'utf8').replace(/\/\*[\s\S]*?\*\//g, ''))
}

function licence(folder) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  if (!file) throw new Error(`no licence in ${folder}`)
  return join(folder, file)
}

rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })
const joined = styles.map((name) => `/* ${name} */\n${style(name)}`).join('\n')
if (/data:/.test(joined)) throw new Error('a data: picture, which our content policy refuses')
writeFileSync(join(target, 'utrecht.css'), joined)
copyFileSync(licence(join(modules, styles[0])), join(target, 'LICENSE-utrecht.md'))
copyFileSync(join(font, 'files/atkinson-hyperlegible-next-latin-wght-normal.woff2'), join(target, 'atkinson.woff2'))
copyFileSync(licence(font), join(target, 'LICENSE-atkinson.txt'))
console.log(`static/vendor: ${styles.length} stylesheets in ${joined.length} characters, one font`)
