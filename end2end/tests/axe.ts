// What axe, which finds what keeps people from using a page, says to one.
import type { Browser, BrowserContextOptions, Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(__filename).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds on a page. */
export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const result = await (window as any).axe.run(document, { runOnly: tags });
    return result.violations.map((one: any) => `${one.id}: ${one.nodes.map((node: any) => node.html).join(' ')}`);
  });
}

/** The page as it stands, where axe may run: it needs script itself. */
export async function copied(browser: Browser, page: Page, options: BrowserContextOptions) {
  const html = (await page.content())
    .replace(/<script[\s\S]*?<\/script>/g, '')
    .replace(/<meta http-equiv[^>]*>/g, '')
    .replace(/<\/?noscript>/g, '');
  const context = await browser.newContext({ ...options, javaScriptEnabled: true });
  const copy = await context.newPage();
  await copy.setContent(html);
  return { context, page: copy };
}
