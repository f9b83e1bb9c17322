// A newcomer at the playground who follows every hint: runs the operation of the open tab, presses the first button
// below the response, and continues until there is none. Prints the steps as JSON: `[[OPERATION, ANSWER, HINT], …]`.
// Usage: node newcomer.mjs CHROMIUM URL [TAB [MOST]]
//
// Starts at the TAB of an operation, by default the first, and takes at most MOST steps.
import { chromium } from 'playwright-core';

const [executablePath, url, first, most = '80'] = process.argv.slice(2);
const QUERY = '.graphiql-query-editor';
const BEFORE = 'Run the operation to see its response.';

// not every container supports the sandbox, and only pages of the tests are opened
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  // a busy machine takes long to open a page
  context.setDefaultTimeout(120_000);
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
    // read once, because the first event of a subscription replaces it
    const said = await hint.innerText();
    // a subscription has no response yet; other responses are drawn a moment later
    if (!said.includes('Listening')) await response.filter({ hasText: /\S/ }).first().waitFor();
    const answer = (await response.allInnerTexts()).join(' ').replaceAll(/\s+/g, ' ');
    way.push([name, answer, said]);
    if ((await buttons.count()) === 0) break;
    await buttons.first().click();
    await hint.filter({ hasText: BEFORE }).waitFor();
  }
  console.log(JSON.stringify(way));
} finally {
  await browser.close();
}
