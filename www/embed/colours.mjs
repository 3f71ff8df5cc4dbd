// The page's diverging scale (app/src/colour.rs, to which a test holds it), for light
// and dark pages: blue towards the clean run, orange towards the corrupted one.

/**
 * Colours at no, half and full deviation.
 *
 * @typedef {readonly [number, number, number]} Colour
 * @typedef {{ neutral: Colour, clean: readonly [Colour, Colour], corrupted: readonly [Colour, Colour] }} Scale
 */

/** @type {{ light: Scale, dark: Scale }} */
export const SCALES = {
  light: {
    neutral: [0xf4, 0xf3, 0xef],
    clean: [
      [0x93, 0xbd, 0xe3],
      [0x14, 0x55, 0x9c],
    ],
    corrupted: [
      [0xf3, 0xb4, 0x7a],
      [0xa8, 0x42, 0x00],
    ],
  },
  dark: {
    neutral: [0x25, 0x28, 0x2e],
    clean: [
      [0x2b, 0x62, 0x9e],
      [0x8f, 0xc7, 0xff],
    ],
    corrupted: [
      [0x9a, 0x50, 0x17],
      [0xff, 0xbd, 0x7d],
    ],
  },
};

const f32 = Math.fround;

/**
 * @param {Colour} from
 * @param {Colour} to
 * @param {number} t
 */
const mixed = (from, to, t) => from.map((a, i) => Math.round(f32(a + f32(/** @type {number} */ (to[i] - a) * t))));

/**
 * @param {Scale} scale
 * @param {number} place
 */
function at(scale, place) {
  const [half, full] = place < 0 ? scale.corrupted : scale.clean;
  const t = Math.abs(place);
  const rgb = t < 0.5 ? mixed(scale.neutral, half, f32(t * 2)) : mixed(half, full, f32(f32(t * 2) - 1));
  return `#${rgb.map((c) => c.toString(16).padStart(2, "0")).join("")}`;
}

/** @param {number} place from -1, a full step towards the corrupted run, to 1 towards the clean one */
export const fill = (place) => `light-dark(${at(SCALES.light, place)},${at(SCALES.dark, place)})`;
