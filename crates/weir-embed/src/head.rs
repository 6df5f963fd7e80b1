//! A head: a few layers over a text's vector that say how likely the text is of some kind.
//!
//! Sentence models put texts that mean alike near one another; where a kind of text lies is learnt by layers over the vector, which
//! take a thousandth of the time that the vector takes. The file is `safetensors` with `layer.0.weight`, `layer.0.bias`,
//! `layer.1.weight` and so on: 32-bit floats, outputs down and inputs across. Between layers stands a rectifier, at the end one number,
//! the logarithm of the odds.
//!
//! Failure: a head of another shape is refused when it is read, by the name of what is not as expected.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use crate::EmbedError;
use crate::weights::file;

/// Layers that a head has at most: more is a model of its own.
const LAYERS_MAX: usize = 8;

/// See the module.
#[derive(Debug, Clone)]
pub struct Head {
    layers: Vec<Layer>,
}

#[derive(Debug, Clone)]
struct Layer {
    /// Row after row, one for each output.
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Head {
    /// Reads a head from a file of a folder, for vectors of this many numbers.
    pub fn read(folder: &Path, name: &str, width: usize) -> Result<Self, EmbedError> {
        let bytes = file(folder, name)?;
        let fault = |reason: String| EmbedError::Head { path: folder.join(name), reason };
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| fault(error.to_string()))?;
        let mut head = Self { layers: Vec::new() };
        let mut inputs = width;
        while tensors.names().iter().any(|name| **name == format!("layer.{}.weight", head.layers.len())) {
            let number = head.layers.len();
            if number == LAYERS_MAX {
                return Err(fault(format!("it has more than {LAYERS_MAX} layers")));
            }
            let weight = numbers(&tensors, &format!("layer.{number}.weight")).map_err(fault)?;
            let bias = numbers(&tensors, &format!("layer.{number}.bias")).map_err(fault)?;
            if bias.is_empty() || weight.len() != bias.len() * inputs {
                let (all, outputs) = (weight.len(), bias.len());
                return Err(fault(format!(
                    "layer {number} has {all} weights for {inputs} inputs and {outputs} outputs"
                )));
            }
            inputs = bias.len();
            head.layers.push(Layer { weight, bias });
        }
        if head.layers.is_empty() || inputs != 1 {
            return Err(fault("it does not end in one number".to_owned()));
        }
        Ok(head)
    }

    /// How likely the text of a vector is of the kind, 0 to 1. The vector must be as long as was said when the head was read;
    /// numbers that are missing count as zero.
    pub fn score(&self, vector: &[f32]) -> f64 {
        let mut row = vector.to_vec();
        for (number, layer) in self.layers.iter().enumerate() {
            let inputs = layer.weight.len() / layer.bias.len();
            let outputs = layer.weight.chunks_exact(inputs).zip(&layer.bias);
            let sums = outputs
                .map(|(weights, bias)| bias + weights.iter().zip(&row).map(|(a, b)| a * b).sum::<f32>());
            let is_last = number + 1 == self.layers.len();
            row = sums.map(|sum| if is_last { sum } else { sum.max(0.0) }).collect();
        }
        let odds = f64::from(row.first().copied().unwrap_or_default());
        1.0 / (1.0 + (-odds).exp())
    }
}

/// A tensor's numbers in their order.
fn numbers(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, String> {
    let tensor = tensors.tensor(name).map_err(|error| format!("{name}: {error}"))?;
    if tensor.dtype() != Dtype::F32 {
        return Err(format!("{name} is of {:?}, expected 32-bit floats", tensor.dtype()));
    }
    let (all, _) = tensor.data().as_chunks::<4>();
    let all: Vec<f32> = all.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    if all.iter().any(|number| !number.is_finite()) {
        return Err(format!("{name} has numbers that are none"));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use safetensors::tensor::TensorView;

    use super::*;

    fn written(tensors: &[(&str, &[usize], &[f32])]) -> tempfile::TempDir {
        let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
            .iter()
            .map(|(name, shape, numbers)| {
                let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                ((*name).to_owned(), shape.to_vec(), bytes)
            })
            .collect();
        let views: HashMap<String, TensorView<'_>> = bytes
            .iter()
            .map(|(name, shape, bytes)| {
                (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let all = safetensors::serialize(views, None).unwrap();
        std::fs::write(folder.path().join("head.safetensors"), all).unwrap();
        folder
    }

    #[test]
    fn a_score_is_what_the_layers_say_of_a_vector() {
        let folder = written(&[
            ("layer.0.weight", &[2, 3], &[1.0, 0.0, -1.0, 0.0, 2.0, 0.0]),
            ("layer.0.bias", &[2], &[0.5, -3.0]),
            ("layer.1.weight", &[1, 2], &[2.0, 100.0]),
            ("layer.1.bias", &[1], &[-1.0]),
        ]);
        let head = Head::read(folder.path(), "head.safetensors", 3).unwrap();
        // The second number of the first layer is below zero, and so counts as none: 2 * (1 + 0.5) - 1.
        let score = head.score(&[1.0, 1.0, 0.0]);
        assert!((score - 1.0 / (1.0 + (-2.0_f64).exp())).abs() < 1e-6, "{score}");
    }

    #[test]
    fn a_head_of_another_shape_is_refused() {
        for (tensors, said) in [
            (
                &[("layer.0.weight", &[1, 2][..], &[1.0, 1.0][..]), ("layer.0.bias", &[1], &[0.0])][..],
                "2 weights for 3 inputs",
            ),
            (
                &[("layer.0.weight", &[2, 3], &[1.0; 6]), ("layer.0.bias", &[2], &[0.0; 2])],
                "end in one number",
            ),
            (
                &[("layer.0.weight", &[1, 3], &[f32::NAN; 3]), ("layer.0.bias", &[1], &[0.0])],
                "numbers that are none",
            ),
            (&[("other", &[1], &[0.0])], "end in one number"),
        ] {
            let folder = written(tensors);
            let error = Head::read(folder.path(), "head.safetensors", 3).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
