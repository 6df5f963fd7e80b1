//! The forward pass of a BERT encoder for one text.
//!
//! One text at a time, without padding: a padded batch computes as much as it saves where texts have different lengths, and
//! who asks for a vector waits for it. Matrix products are `ndarray`'s, which use the processor's vector instructions; the
//! rest is loops that the compiler vectorises.
//!
//! The numbers are checked against an implementation in double precision, see `tests/reference.rs`.

use ndarray::{Array2, ArrayView1, Axis, s};

use crate::weights::{Layer, Linear, Norm, Pooling, Weights};

/// The vector of a text's tokens, not normalised. There must be at least one, none above the vocabulary, and not more than
/// the model has positions.
pub(crate) fn forward(weights: &Weights, tokens: &[u32]) -> Vec<f32> {
    let epsilon = weights.shape.layer_norm_eps;
    let mut rows = Array2::zeros((tokens.len(), weights.shape.hidden_size));
    for (position, (token, mut row)) in tokens.iter().zip(rows.rows_mut()).enumerate() {
        row.assign(&weights.words.row(*token as usize));
        row += &weights.positions.row(position);
    }
    normalise(&mut rows, &weights.norm, epsilon);
    for layer in &weights.layers {
        let mut attended =
            linear(&attention(&rows, layer, weights.shape.num_attention_heads), &layer.attention_out);
        attended += &rows;
        normalise(&mut attended, &layer.attention_norm, epsilon);
        let mut wide = linear(&attended, &layer.widen);
        wide.mapv_inplace(gelu);
        rows = linear(&wide, &layer.narrow);
        rows += &attended;
        normalise(&mut rows, &layer.norm, epsilon);
    }
    match weights.pooling {
        Pooling::Mean => {
            let sum = rows.sum_axis(Axis(0));
            sum.iter().map(|number| number / tokens.len() as f32).collect()
        }
        Pooling::First => rows.row(0).to_vec(),
    }
}

fn linear(rows: &Array2<f32>, linear: &Linear) -> Array2<f32> {
    let mut product = rows.dot(&linear.weight);
    product += &linear.bias;
    product
}

/// What each token takes over from the others.
fn attention(rows: &Array2<f32>, layer: &Layer, heads: usize) -> Array2<f32> {
    let width = rows.ncols();
    let head_width = width / heads;
    let scale = 1.0 / (head_width as f32).sqrt();
    let all = linear(rows, &layer.attention_in);
    let mut mixed = Array2::zeros(rows.raw_dim());
    for head in 0..heads {
        let part = |number: usize| {
            let start = number * width + head * head_width;
            all.slice(s![.., start..start + head_width])
        };
        let mut shares = part(0).dot(&part(1).t());
        for mut row in shares.rows_mut() {
            let highest = row.fold(f32::NEG_INFINITY, |highest, number| highest.max(*number));
            row.mapv_inplace(|number| ((number - highest) * scale).exp());
            let sum = row.sum();
            row /= sum;
        }
        let columns = head * head_width..(head + 1) * head_width;
        mixed.slice_mut(s![.., columns]).assign(&shares.dot(&part(2)));
    }
    mixed
}

fn normalise(rows: &mut Array2<f32>, norm: &Norm, epsilon: f32) {
    let count = rows.ncols() as f32;
    for mut row in rows.rows_mut() {
        let mean = row.sum() / count;
        let variance = variance(&row.view(), mean) / count;
        let scale = 1.0 / (variance + epsilon).sqrt();
        row.mapv_inplace(|number| (number - mean) * scale);
        row *= &norm.scale;
        row += &norm.shift;
    }
}

fn variance(row: &ArrayView1<'_, f32>, mean: f32) -> f32 {
    row.iter().map(|number| (number - mean) * (number - mean)).sum()
}

/// `x Φ(x)`.
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// The error function, Abramowitz and Stegun 7.1.28: wrong by 3e-7 at most, and without a branch or a call, so that many are
/// computed at once.
fn erf(x: f32) -> f32 {
    const A: [f32; 6] =
        [0.070_523_08, 0.042_282_01, 0.009_270_527, 0.000_152_014_3, 0.000_276_567_2, 0.000_043_063_8];
    let y = x.abs();
    let sum = A.iter().rev().fold(0.0, |sum, a| (sum + a) * y) + 1.0;
    let power = sum * sum;
    let power = power * power;
    let power = power * power;
    (1.0 - 1.0 / (power * power)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_near_enough() {
        for (x, expected) in [
            (0.0, 0.0),
            (0.1, 0.112_462_916),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (9.0, 1.0),
        ] {
            assert!((erf(x) - expected).abs() < 1e-6, "{x}");
            assert!((erf(-x) + expected).abs() < 1e-6, "-{x}");
        }
    }
}
