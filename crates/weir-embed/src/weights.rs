//! A model's numbers and shape, read from a folder as sentence-transformers writes it.
//!
//! | file | holds |
//! |---|---|
//! | `config.json` | layers, heads, sizes |
//! | `model.safetensors` | weights, as 32-bit floats |
//! | `sentence_bert_config.json` | how many tokens the model reads; optional |
//! | `1_Pooling/config.json` | how tokens' vectors become one; optional, the mean without it |
//!
//! Failure: a model of another shape is refused here, by the name of what is not as expected, and never computed wrongly.

use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, ShapeBuilder as _};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use crate::EmbedError;

/// How a model is built.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Shape {
    pub(crate) hidden_size: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) max_position_embeddings: usize,
    pub(crate) vocab_size: usize,
    pub(crate) layer_norm_eps: f32,
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

fn absolute() -> String {
    "absolute".to_owned()
}

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    Mean,
    /// That of the mark before the text.
    First,
}

/// What turns rows of one width into rows of another. The weights stand as they are multiplied: inputs down, outputs across.
pub(crate) struct Linear {
    pub(crate) weight: Array2<f32>,
    pub(crate) bias: Array1<f32>,
}

/// What brings a row to mean 0 and variance 1, and then to the scale that was learned.
pub(crate) struct Norm {
    pub(crate) scale: Array1<f32>,
    pub(crate) shift: Array1<f32>,
}

/// One layer.
pub(crate) struct Layer {
    /// Queries, keys and values side by side.
    pub(crate) attention_in: Linear,
    pub(crate) attention_out: Linear,
    pub(crate) attention_norm: Norm,
    pub(crate) widen: Linear,
    pub(crate) narrow: Linear,
    pub(crate) norm: Norm,
}

/// A model.
pub(crate) struct Weights {
    pub(crate) shape: Shape,
    pub(crate) pooling: Pooling,
    /// Tokens that it reads, marks included.
    pub(crate) tokens_max: usize,
    pub(crate) words: Array2<f32>,
    /// With the vector of the first segment added, which all texts are.
    pub(crate) positions: Array2<f32>,
    pub(crate) norm: Norm,
    pub(crate) layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Reading {
    max_seq_length: Option<usize>,
}

#[derive(Deserialize)]
struct PoolingFile {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
}

/// Reads a file of the model.
pub(crate) fn file(folder: &Path, name: &str) -> Result<Vec<u8>, EmbedError> {
    let path = folder.join(name);
    std::fs::read(&path).map_err(|error| EmbedError::Read { path, reason: error.to_string() })
}

impl Weights {
    /// Reads a model.
    pub(crate) fn read(folder: &Path) -> Result<Self, EmbedError> {
        let fault = |reason: String| EmbedError::Model { path: folder.to_owned(), reason };
        let shape: Shape = parsed(folder, "config.json")?;
        if shape.hidden_act != "gelu" || shape.position_embedding_type != "absolute" {
            let (activation, positions) = (&shape.hidden_act, &shape.position_embedding_type);
            return Err(fault(format!("it has {activation} activations and {positions} positions")));
        }
        if shape.num_attention_heads == 0 || !shape.hidden_size.is_multiple_of(shape.num_attention_heads) {
            return Err(fault("its heads do not share its width evenly".to_owned()));
        }
        let reading: Option<Reading> = optional(folder, "sentence_bert_config.json")?;
        let tokens_max = reading.and_then(|reading| reading.max_seq_length).unwrap_or(usize::MAX);
        let bytes = file(folder, "model.safetensors")?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| fault(error.to_string()))?;
        let source = Source { tensors, folder, width: shape.hidden_size };
        let mut positions = source.table("embeddings.position_embeddings", shape.max_position_embeddings)?;
        positions += &source.matrix("embeddings.token_type_embeddings.weight")?.row(0);
        let layers = (0..shape.num_hidden_layers).map(|number| source.layer(number, shape.intermediate_size));
        Ok(Self {
            pooling: pooling(folder)?,
            tokens_max: tokens_max.min(shape.max_position_embeddings),
            words: source.table("embeddings.word_embeddings", shape.vocab_size)?,
            positions,
            norm: source.norm("embeddings.LayerNorm")?,
            layers: layers.collect::<Result<_, _>>()?,
            shape,
        })
    }
}

fn pooling(folder: &Path) -> Result<Pooling, EmbedError> {
    let file: Option<PoolingFile> = optional(folder, "1_Pooling/config.json")?;
    match file.map(|file| (file.pooling_mode_mean_tokens, file.pooling_mode_cls_token)) {
        None | Some((true, false)) => Ok(Pooling::Mean),
        Some((false, true)) => Ok(Pooling::First),
        Some(_) => {
            let reason =
                "1_Pooling/config.json pools neither by mean nor by the first token alone".to_owned();
            Err(EmbedError::Model { path: folder.to_owned(), reason })
        }
    }
}

fn parsed<T: serde::de::DeserializeOwned>(folder: &Path, name: &str) -> Result<T, EmbedError> {
    let json = file(folder, name)?;
    let fault = |error| EmbedError::Model { path: PathBuf::from(folder), reason: format!("{name}: {error}") };
    serde_json::from_slice(&json).map_err(fault)
}

fn optional<T: serde::de::DeserializeOwned>(folder: &Path, name: &str) -> Result<Option<T>, EmbedError> {
    if !folder.join(name).exists() {
        return Ok(None);
    }
    parsed(folder, name).map(Some)
}

/// Tensors by name.
struct Source<'a> {
    tensors: SafeTensors<'a>,
    folder: &'a Path,
    width: usize,
}

impl Source<'_> {
    fn fault(&self, reason: String) -> EmbedError {
        EmbedError::Model { path: self.folder.to_owned(), reason }
    }

    /// A tensor's shape and numbers. Some files name everything below `bert.`.
    fn numbers(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), EmbedError> {
        let found = self.tensors.tensor(name).or_else(|_| self.tensors.tensor(&format!("bert.{name}")));
        let tensor = found.map_err(|_| self.fault(format!("it has no tensor {name}")))?;
        if tensor.dtype() != Dtype::F32 {
            return Err(self.fault(format!("{name} is {:?}, not F32", tensor.dtype())));
        }
        let numbers = tensor.data().chunks_exact(4);
        let numbers = numbers.map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        Ok((tensor.shape().to_vec(), numbers.collect()))
    }

    fn matrix(&self, name: &str) -> Result<Array2<f32>, EmbedError> {
        let (shape, numbers) = self.numbers(name)?;
        let [rows, columns] = shape[..] else {
            return Err(self.fault(format!("{name} is no matrix but {shape:?}")));
        };
        Array2::from_shape_vec((rows, columns), numbers).map_err(|error| self.fault(error.to_string()))
    }

    fn row(&self, name: &str, width: usize) -> Result<Array1<f32>, EmbedError> {
        let (shape, numbers) = self.numbers(name)?;
        if shape != [width] {
            return Err(self.fault(format!("{name} is {shape:?}, not [{width}]")));
        }
        Ok(numbers.into())
    }

    /// A table with one row for each of `rows` things.
    fn table(&self, name: &str, rows: usize) -> Result<Array2<f32>, EmbedError> {
        let table = self.matrix(&format!("{name}.weight"))?;
        if table.dim() != (rows, self.width) {
            return Err(self.fault(format!("{name} is {:?}, not ({rows}, {})", table.dim(), self.width)));
        }
        Ok(table)
    }

    fn norm(&self, name: &str) -> Result<Norm, EmbedError> {
        Ok(Norm {
            scale: self.row(&format!("{name}.weight"), self.width)?,
            shift: self.row(&format!("{name}.bias"), self.width)?,
        })
    }

    /// Linear maps side by side: one for each name. Files have outputs down.
    fn linear(&self, names: &[String], from: usize, to: usize) -> Result<Linear, EmbedError> {
        let mut weight = Array2::zeros((from, to * names.len()).f());
        let mut bias = Array1::zeros(to * names.len());
        for (number, name) in names.iter().enumerate() {
            let part = self.matrix(&format!("{name}.weight"))?;
            if part.dim() != (to, from) {
                return Err(self.fault(format!("{name} is {:?}, not ({to}, {from})", part.dim())));
            }
            let columns = number * to..(number + 1) * to;
            weight.slice_mut(ndarray::s![.., columns.clone()]).assign(&part.t());
            bias.slice_mut(ndarray::s![columns]).assign(&self.row(&format!("{name}.bias"), to)?);
        }
        Ok(Linear { weight, bias })
    }

    fn layer(&self, number: usize, wide: usize) -> Result<Layer, EmbedError> {
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let width = self.width;
        let attention = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Ok(Layer {
            attention_in: self.linear(&attention, width, width)?,
            attention_out: self.linear(&[name("attention.output.dense")], width, width)?,
            attention_norm: self.norm(&name("attention.output.LayerNorm"))?,
            widen: self.linear(&[name("intermediate.dense")], width, wide)?,
            narrow: self.linear(&[name("output.dense")], wide, width)?,
            norm: self.norm(&name("output.LayerNorm"))?,
        })
    }
}
