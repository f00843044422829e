// What a business system's developer looks at: the interfaces [docs/integrate.md], the
// sign clinic, the demo shop's log, the wallet; each for everybody, on a desktop and a
// phone, light and dark.
import { expect, type Page } from '@playwright/test';
import { findings } from './axe';
import { PHONE, another, control, gateway, picture, platform, scanUrl, scripted, shop, signedUrl, test } from './world';

const DESKTOP = { width: 1280, height: 800 };

/** Nothing has to be pushed aside to be read, and axe finds nothing. */
async function isReadable(page: Page, name: string): Promise<void> {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide, `${name} is ${wide} pixels too wide`).toBeLessThanOrEqual(0);
  expect(await findings(page), name).toEqual([]);
  await picture(page, name);
}

for (const [size, viewport] of [['desktop', DESKTOP], ['phone', PHONE]] as const) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`everybody can read what developers are shown: ${size}, ${colorScheme}`, async ({ browser, page, request }) => {
      test.skip(!scripted(), 'axe is script');
      await page.goto(await scanUrl(request));
      const order = await control(request, 'pay');
      expect(order.state).toBe('NOTPAY');
      await expect(page).toHaveURL(/\/return\?/);
      const context = await another(browser, { viewport, colorScheme });
      const developer = await context.newPage();
      for (const [name, address] of [
        ['docs', `${platform}/docs`],
        ['docs-en', `${platform}/docs?lang=en`],
        ['clinic', `${platform}/sign`],
        ['log', `${shop}/log`],
        ['wallet', `${gateway}/wallet`],
      ]) {
        await developer.goto(address);
        await isReadable(developer, `${name}-${size}-${colorScheme}`);
      }
      await context.close();
    });
  }
}

test('the clinic shows where another text begins to differ', async ({ page, request }) => {
  const forged = (await signedUrl(request)).replace(/sign=.{4}/, 'sign=0000');
  await page.goto(`${platform}/sign`);
  const [sent, own] = [page.locator('textarea').first(), page.locator('textarea').nth(1)];
  await sent.fill(forged);
  await own.fill('12345');
  await page.locator('form button').first().click();
  await expect(page.locator('main')).toContainText('10004');
  await picture(page, 'clinic-answer');
});
