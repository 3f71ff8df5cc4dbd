// A worker as another browser would run it.

/**
 * Lets every engine of a page begin with `script`.
 * @param {import('playwright-core').Page} page before it is opened
 * @param {string} script
 */
export const changeWorker = (page, script) =>
  page.route('**/engine.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${script}\n${await response.text()}` });
  });
