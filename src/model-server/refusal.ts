/** A request that this server does not take, whatever the model: answered with the status and the sentence. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: 404 | 405 | 406 | 413 | 415 | 503;

  constructor(status: Refusal["status"], message: string) {
    super(message);
    this.status = status;
  }
}
