/** Exceptions of a service's model by their names: what throws them need not load the SDK package that describes them. */

/** The names of the exceptions of an SDK package. */
export type ExceptionName<Sdk> = {
  [Name in keyof Sdk]: Sdk[Name] extends abstract new (options: any) => { readonly $fault: unknown }
    ? Name
    : never;
}[keyof Sdk];

/** `new ServiceError<typeof sqs>("QueueDoesNotExist", "...")`: told as the service's model has it. */
export class ServiceError<Sdk> extends Error {
  override readonly name: ExceptionName<Sdk> & string;

  /** `members` are what the exception has besides its message. */
  constructor(name: ExceptionName<Sdk> & string, message: string, members: object = {}) {
    super(message);
    this.name = name;
    Object.assign(this, members);
  }
}
