// Clock and chance as a flow reads them: by the language's own means, or by the context's where those are refused.

/** `values` are what was read; `refused` is what was said of each of the language's own means. */
export function readings({ df }) {
  const refused = [];
  const read = (own, instead) => {
    try {
      return own();
    } catch (error) {
      if (error.kind !== "forbidden") throw error;
      refused.push(error.message);
      return instead();
    }
  };
  const now = () => df.currentUtcDateTime.getTime();
  const hex = () => df.newGuid().replaceAll("-", "");
  const values = {
    clockMs: read(
      () => Math.max(Date.now(), new Date().getTime()),
      () => now(),
    ),
    random: read(
      () => Math.random(),
      () => parseInt(hex().slice(0, 8), 16) / 2 ** 32,
    ),
    secure: read(
      () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(""),
      () => hex(),
    ),
    uuid: read(
      () => crypto.randomUUID(),
      () => df.newGuid(),
    ),
  };
  return { values, refused };
}
