// Fields of what patchbay.js hands out and no schema describes. tsc holds these lists to
// the declarations, and tests/browser/formats.test.mjs holds what comes to these lists.

export const FIELDS = {
  /** @satisfies {Record<keyof import('../../www/patchbay').Offer, true>} */
  offer: {
    model: true,
    folder: true,
    host: true,
    licence: true,
    revision: true,
    bytes: true,
    parameters: true,
    memory: true,
    sha256: true,
    kept: true,
    complete: true,
    remarks: true,
    says: true,
  },
  /** @satisfies {Record<keyof import('../../www/patchbay').SourceInfo, true>} */
  source: { folder: true, revision: true, published: true, kept: true, remarks: true, says: true },
};
