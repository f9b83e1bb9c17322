// An obedient newcomer at the playground: runs the operation of the tab that is open, presses the first button below the answer,
// and so on until there is none. Prints as JSON the way: `[[OPERATION, ANSWER, HINT], …]`.
// Usage: node newcomer.mjs CHROMIUM URL [TAB [MOST]]
//
// Begins in the TAB of an operation, by default the first, and takes MOST steps at the most.
import { chromium } from 'playwright-core';

const [executablePath, url, first, most = '80'] = process.argv.slice(2);
const QUERY = '.graphiql-query-editor';
const BEFORE = 'Run the operation to see its response.';

// the sandbox cannot be had in every container; nothing but our own pages is opened
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(url);
  await page.locator(`${QUERY} .view-line`).first().waitFor();
  if (first) await page.locator('.guide button', { hasText: first }).first().click();
  const way = [];
  const [hint, buttons] = [page.locator('.hint p'), page.locator('.hint button')];
  while (way.length < Number(most)) {
    const name = await page.locator('.graphiql-tab-active .graphiql-tab-button').innerText();
    await page.locator(`${QUERY} .view-lines`).click();
    await page.keyboard.press('Control+Enter');
    await hint.filter({ hasNotText: BEFORE }).waitFor({ state: 'attached' });
    const response = page.locator('.graphiql-response .view-line');
    // what listens has no answer yet; others' are drawn a moment later
    if (!(await hint.innerText()).includes('Listening')) await response.filter({ hasText: /\S/ }).first().waitFor();
    const answer = (await response.allInnerTexts()).join(' ').replaceAll(/\s+/g, ' ');
    way.push([name, answer, await hint.innerText()]);
    if ((await buttons.count()) === 0) break;
    await buttons.first().click();
    await hint.filter({ hasText: BEFORE }).waitFor();
  }
  console.log(JSON.stringify(way));
} finally {
  await browser.close();
}
