/** The most features per row that a model may declare; a request has to bring that many columns. */
export const MAX_FEATURES = 16_777_216;

/** The most outputs per row; they are allocated for each row of a request. */
export const MAX_OUTPUTS = 65_536;
