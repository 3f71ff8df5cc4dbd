//! The activation functions' derivatives, value by value: of a pass backwards, where
//! matrix products take the time.

use crate::{Activation, activate};

impl Activation {
    /// `f(x)`
    fn at(self, x: f32) -> f32 {
        let mut value = [x];
        activate(self.into(), &mut value);
        value[0]
    }

    /// `f'(x)`; 0 where `relu` bends.
    #[must_use]
    pub fn slope(self, x: f32) -> f32 {
        match self {
            Self::GeluNew => {
                const SCALE: f32 = 0.797_884_6; // sqrt(2 / pi)
                let tanh = (SCALE * (x + 0.044_715 * x * x * x)).tanh();
                let inner = SCALE * (1.0 + 3.0 * 0.044_715 * x * x);
                // Far out the square outgrows what is left of 1 - tanh^2.
                let bend = match tanh.abs() < 1.0 {
                    true => 0.5 * x * (1.0 - tanh * tanh) * inner,
                    false => 0.0,
                };
                0.5 * (1.0 + tanh) + bend
            }
            Self::Gelu => {
                const DENSITY: f32 = 0.398_942_3; // 1 / sqrt(2 pi)
                self.share(x) + x * DENSITY * (-0.5 * x * x).exp()
            }
            Self::Relu => f32::from(u8::from(x > 0.0)),
            Self::Silu => {
                let sigmoid = 1.0 / (1.0 + (-x).exp());
                sigmoid * (1.0 + x * (1.0 - sigmoid))
            }
            Self::Tanh => 1.0 - x.tanh().powi(2),
        }
    }

    /// `f(x) / x`, and what it tends to at 0: the slope of the line from 0 through the
    /// function's value.
    #[must_use]
    pub fn share(self, x: f32) -> f32 {
        if x.abs() > f32::MIN_POSITIVE {
            return self.at(x) / x;
        }
        match self {
            Self::GeluNew | Self::Gelu | Self::Silu => 0.5,
            Self::Relu => 0.0,
            Self::Tanh => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_functions() {
        for activation in Activation::ALL {
            for i in -60i16..=60 {
                // Beside 0, where relu has none.
                let x = f32::from(i).mul_add(0.1, 0.003);
                let step = 4e-3;
                let central = (activation.at(x + step) - activation.at(x - step)) / (2.0 * step);
                let found = activation.slope(x);
                let within = 3e-3;
                let bends = *activation == Activation::Relu && x.abs() <= step;
                assert!(
                    bends || (found - central).abs() < within,
                    "{activation:?} at {x}: {found}, {central}"
                );
            }
            for x in [0.0, -0.0, 1e-30, -1e-30] {
                assert!((activation.share(x) - activation.slope(x)).abs() < 1e-6);
            }
            for x in [100.0, -100.0, 1e20, -1e20] {
                let slope = activation.slope(x);
                assert!(
                    (-1e-6..=1.000_001).contains(&slope),
                    "{activation:?} at {x}: {slope}"
                );
            }
        }
    }
}
