// Chance for activities. The engine's own is a part of the built module: every run would draw the same numbers.

export function seedRandom(text) {
  let state = 0;
  for (const character of text) state = (Math.imul(state, 31) + character.codePointAt(0)) | 0;
  // Mulberry32: good enough for jitter and samples, not for secrets.
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
