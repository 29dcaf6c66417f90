// One JSON line per step, and whether all of them were right.
export class Steps {
  failed = false;

  constructor(about) {
    this.about = about;
  }

  /** Runs `call`, reports it, and gives what it gave. `measured` of that is printed with the step. */
  async run(step, call) {
    const line = { ...this.about, step, ok: true };
    const start = performance.now();
    let found;
    try {
      found = await call();
    } catch (error) {
      // The client throws the parsed reply itself.
      line.ok = false;
      line.problem = error?.code ? `${error.code} ${error.msg ?? error.message}` : String(error?.message ?? error);
      this.failed = true;
    }
    line.ms = Math.round(performance.now() - start);
    Object.assign(line, found?.measured);
    console.log(JSON.stringify(line));
    return found;
  }
}
