// Texts that cross to the host as they are, and not within JSON, which can write what these cannot.

export const HALF_A_CHARACTER = "text with half a character in it (a lone surrogate)";

export function isWellFormed(text) {
  return !/[\ud800-\udfff]/u.test(text);
}

/** The same without halves of surrogate pairs: the host takes none, and an error or a line of the log must not be lost. */
export function wellFormed(text) {
  return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
}
