/** A file as it must be before anything parses it. */
export type FileSpec = {
  path: string
  /** Lower-case hex. Without it the file is refused: the error tells the hash to configure. */
  sha256: string | undefined
  bytes?: number | undefined
}

/** A GGUF model. Sizes that are left out take the defaults in `llama/engine.ts`. */
export type GgufSpec = FileSpec & {
  /** Unique among configured models. */
  id: string
  /** Prompt and answer together, per sequence; never more than the model was trained for. */
  contextTokens?: number | undefined
  /** Requests generated at once; each reserves `contextTokens` of KV cache. */
  sequences?: number | undefined
  /** Of the engine's threads, those that decode this model; all when absent. */
  threads?: number | undefined
  /** Tokens decoded in one step, over all sequences. */
  batchTokens?: number | undefined
  /** Requests that may wait for a sequence before `queue_full`. */
  maxQueue?: number | undefined
  /** Unload after this long without a request; 0 keeps the model loaded. */
  idleUnloadMs?: number | undefined
  /** Layers put on a GPU; the engine decides when absent. */
  gpuLayers?: number | undefined
  /** A Jinja chat template instead of the file's own. */
  chatTemplate?: string | undefined
}

/** An ONNX model directory in the layout of the Hugging Face hub: `config.json`, `tokenizer.json`, `onnx/model.onnx`. */
export type OnnxSpec = {
  id: string
  directory: string
  /** Paths relative to `directory`. Must name every file that is loaded. */
  files: FileSpec[]
  /** Longest text; the tokenizer's own limit when absent. */
  maxTokens?: number | undefined
  /** Which file of `onnx/`: fp32 is `model.onnx`, q8 is `model_quantized.onnx`. */
  dtype?: 'fp32' | 'fp16' | 'q8' | undefined
  /** Padded tokens in one forward pass. */
  batchTokens?: number | undefined
  maxQueue?: number | undefined
  idleUnloadMs?: number | undefined
}

export type EmbedderSpec = OnnxSpec & {
  dimensions: number
  pooling?: 'mean' | 'cls' | undefined
  /** Trained so that leading dimensions stand alone (Matryoshka). */
  matryoshka?: boolean | undefined
  queryPrefix?: string | undefined
  passagePrefix?: string | undefined
}

export type ClassifierSpec = OnnxSpec & { labels: readonly string[] }
