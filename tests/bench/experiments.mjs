// What the full-size benchmarks run: 15 tokens with <|endoftext|>, 12 x 15 cells.

const denoising = { site: 'resid_pre', mode: 'denoising' };

export const SWEEPS = {
  /** The prompts differ at position 2: hardly a cell is spared. */
  'early pair': {
    clean: 'When John and Mary went to the store, John gave a bottle to',
    corrupted: 'When Bob and Mary went to the store, John gave a bottle to',
    metrics: [{ kind: 'logit_difference', answer: ' Mary', wrong: ' Bob' }],
    sweeps: [denoising],
  },
  /** They differ at position 10. */
  'late pair': {
    clean: 'When John and Mary went to the shops, John gave the bag to',
    corrupted: 'When John and Mary went to the shops, Mary gave the bag to',
    metrics: [{ kind: 'logit_difference', answer: ' Mary', wrong: ' John' }],
    sweeps: [denoising],
  },
};

/** The three block sweeps and the five head sweeps at once. */
export const EVERY = Object.fromEntries(
  Object.entries(SWEEPS).map(([name, experiment]) => [
    `every site, ${name}`,
    {
      ...experiment,
      sweeps: ['resid_pre', 'attn_out', 'mlp_out', 'z', 'q', 'k', 'v', 'pattern'].map((site) => ({
        site,
        mode: 'denoising',
      })),
    },
  ]),
);

const given = (giver, second) => `When John and Mary went to the shops, ${giver} gave the ${second} to`;

/** Eight late pairs as one set. */
export const SET = {
  ...SWEEPS['late pair'],
  pairs: ['ring', 'book', 'drink', 'key', 'letter', 'box', 'ball'].map((thing, i) => {
    const [giver, other] = i % 2 ? ['John', 'Mary'] : ['Mary', 'John'];
    return { clean: given(giver, thing), corrupted: given(other, thing), answer: ` ${other}`, wrong: ` ${giver}` };
  }),
};

/** Token 50256 is <|endoftext|>; a prompt of one token is all that a run beside costs. */
const END = 50256;

/**
 * One pass over 15 tokens, and over one token beside them: an experiment has two
 * prompts. Each `i` gives other tokens, so that nothing is one that was done before.
 */
export const pass = (i) => ({
  clean: [END, ...Array.from({ length: 14 }, (_, k) => 1000 + 37 * k + i)],
  corrupted: [END],
  metrics: [{ kind: 'probability', answer: ' Mary' }],
});

/** The same, and both prompts continued by `tokens` tokens. */
export const continued = (i, tokens) => ({ ...pass(i), generate: { tokens } });

/** The same under a direction in the middle of the model, at all positions of both. */
export const steered = (i, tokens) => ({
  ...continued(i, tokens),
  steered: 'both',
  steer: {
    prompt: '',
    directions: [{ name: 'random', source: { kind: 'random', seed: 1 }, layers: [6], coefficient: 2 }],
  },
});

/** A sweep of which a GPU in software is done in seconds: the prompts differ near their end. */
export const smallSweep = (i) => ({
  clean: [END, 1000, 2000, 3000, 4000 + i],
  corrupted: [END, 1000, 2000, 5000, 4000 + i],
  metrics: [{ kind: 'probability', answer: ' Mary' }],
  sweeps: [denoising],
});
