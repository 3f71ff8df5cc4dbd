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

/** What the browser tells of its device; `memory` in GiB, undefined where it does not tell. */
export const onDevice = ({ memory, cores = 4 }) => `
  Object.defineProperties(WorkerNavigator.prototype, {
    deviceMemory: { get: () => ${memory} },
    hardwareConcurrency: { get: () => ${cores} },
  });`;
