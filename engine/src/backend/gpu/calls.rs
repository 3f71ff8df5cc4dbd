//! What each kernel is called with: its parameters and the buffers that it binds, by
//! the names that its text has for them. `shaders.rs` holds the two against each other.

use super::pool::Held;
use bytemuck::{Pod, Zeroable, bytes_of};
use std::rc::Rc;

/// The most that one kernel binds besides its parameters; WebGPU promises 8.
pub(super) const MOST_BINDINGS: usize = 7;

/// Bytes of a kernel's parameters with their [`Head`], at most.
pub(super) const PARAMS_BYTES: usize = 80;

/// Field, WGSL's name of its type, offset in bytes.
#[cfg(test)]
pub(super) type Field = (&'static str, &'static str, usize);

/// A struct that lies in the device's memory as WGSL lays it out: words, one after the
/// other.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ident),* $(,)? }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Pod, Zeroable)]
        pub struct $name {
            $(pub $field: $type,)*
        }

        #[cfg(test)]
        impl $name {
            pub const FIELDS: &[$crate::backend::gpu::calls::Field] =
                &[$((stringify!($field), stringify!($type), std::mem::offset_of!($name, $field))),*];
        }
    };
}

words! {
    /// How every kernel's parameters begin. Whoever dispatches it fills this in.
    Head {
        list: u32,
        across: u32,
    }
}

words! {
    /// An edit as `edit.wgsl` reads it: see [`RowEdit`](crate::rows::RowEdit).
    Edit {
        row: u32,
        start: u32,
        width: u32,
        source_row: u32,
        source_start: u32,
        scale: f32,
        coef: f32,
        gain: f32,
        most: f32,
    }
}

/// A kernel's arguments.
pub(super) trait Call {
    /// The parameters after the [`Head`].
    fn params(&self) -> &[u8];

    /// What is bound before the buffers, where the kernel has a list.
    fn list(&self) -> Option<&[u32]>;

    /// What is read, then what is written, in the order of their bindings.
    fn buffers(&self) -> Vec<&Rc<Held>>;

    /// Its name here, which a kernel has beside its own.
    #[cfg(debug_assertions)]
    fn name(&self) -> &'static str;
}

/// The names of one call, as its kernels' texts have them.
#[cfg(test)]
pub(super) struct Names {
    /// Of the parameters after the [`Head`].
    pub params: &'static [Field],
    /// Of what is bound after them: a list, if there is one, and what is read,
    pub read: &'static [&'static str],
    /// and then what is written.
    pub written: &'static [&'static str],
}

macro_rules! calls {
    ($($(#[$doc:meta])* $call:ident {
        p: { $($field:ident: $type:ident),* $(,)? },
        list: [$($list:ident)?],
        read: [$($read:ident),*],
        written: [$($written:ident),*] $(,)?
    })*) => {$(
        $(#[$doc])*
        pub(super) mod $call {
            use super::{Head, Held, PARAMS_BYTES, Pod, Rc, Zeroable, bytes_of};

            words! {
                /// Its parameters.
                Params { $($field: $type),* }
            }

            const _: () = assert!(size_of::<Head>() + size_of::<Params>() <= PARAMS_BYTES);

            pub struct Call<'a> {
                pub p: Params,
                $(pub $list: &'a [u32],)?
                $(pub $read: &'a Rc<Held>,)*
                $(pub $written: &'a Rc<Held>,)*
            }

            const READ: &[&str] = &[$(stringify!($list),)? $(stringify!($read)),*];
            const WRITTEN: &[&str] = &[$(stringify!($written)),*];

            /// How many bindings are read, and how many after them are written.
            pub const BINDINGS: [usize; 2] = [READ.len(), WRITTEN.len()];

            #[cfg(test)]
            pub const NAMES: super::Names = super::Names {
                params: Params::FIELDS,
                read: READ,
                written: WRITTEN,
            };

            impl super::Call for Call<'_> {
                fn params(&self) -> &[u8] {
                    bytes_of(&self.p)
                }

                fn list(&self) -> Option<&[u32]> {
                    [$(self.$list)?].first().copied()
                }

                fn buffers(&self) -> Vec<&Rc<Held>> {
                    vec![$(self.$read,)* $(self.$written),*]
                }

                #[cfg(debug_assertions)]
                fn name(&self) -> &'static str {
                    stringify!($call)
                }
            }
        }
    )*};
}

calls! {
    gather {
        p: { rows: u32, columns: u32, x_offset: u32, x_stride: u32 },
        list: [lists],
        read: [x],
        written: [out],
    }
    join {
        p: {
            rows: u32, columns: u32, a_rows: u32,
            a_offset: u32, a_stride: u32, b_offset: u32, b_stride: u32,
        },
        list: [lists],
        read: [a, b],
        written: [out],
    }
    sum_rows {
        p: {
            rows: u32, columns: u32,
            a_offset: u32, a_stride: u32, b_offset: u32, b_stride: u32,
        },
        list: [lists],
        read: [a, b],
        written: [out],
    }
    scatter {
        p: {
            rows: u32, columns: u32,
            x_offset: u32, x_stride: u32, into_offset: u32, into_stride: u32,
        },
        list: [lists],
        read: [x],
        written: [into],
    }
    scatter_pair {
        p: {
            rows: u32, columns: u32,
            a_offset: u32, a_stride: u32, b_offset: u32, b_stride: u32,
            into_a_offset: u32, into_a_stride: u32, into_b_offset: u32, into_b_stride: u32,
        },
        list: [lists],
        read: [a, b],
        written: [into_a, into_b],
    }
    copy {
        p: { rows: u32, columns: u32, x_offset: u32, x_stride: u32 },
        list: [],
        read: [x],
        written: [out],
    }
    add {
        p: {
            rows: u32, columns: u32,
            a_offset: u32, a_stride: u32, b_offset: u32, b_stride: u32,
        },
        list: [],
        read: [a, b],
        written: [out],
    }
    activate {
        p: { rows: u32, columns: u32, x_offset: u32, x_stride: u32, function: u32 },
        list: [],
        read: [x],
        written: [out],
    }
    layer_norm {
        p: {
            rows: u32, columns: u32, x_offset: u32, x_stride: u32,
            weight_offset: u32, bias_offset: u32, epsilon: f32,
        },
        list: [],
        read: [x, weight, bias],
        written: [out],
    }
    linear {
        p: {
            rows: u32, inner: u32, columns: u32, x_offset: u32, x_stride: u32,
            weight_offset: u32, weight_stride: u32, bias_offset: u32, then: u32,
            onto_offset: u32, onto_stride: u32,
        },
        list: [],
        read: [x, weight, bias, onto],
        written: [out],
    }
    unembed {
        p: {
            rows: u32, inner: u32, columns: u32, x_offset: u32, x_stride: u32,
            wte_offset: u32, wte_stride: u32,
        },
        list: [],
        read: [x, wte],
        written: [out],
    }
    attend {
        p: {
            rows: u32, heads: u32, width: u32, t: u32, q_offset: u32, q_stride: u32,
            k_offset: u32, k_stride: u32, v_offset: u32, v_stride: u32,
            kept_k_offset: u32, kept_k_stride: u32, kept_v_offset: u32, kept_v_stride: u32,
            scale: f32,
        },
        list: [],
        read: [q, k, v, kept_k, kept_v, slots],
        written: [out],
    }
    /// Of the kernel `scores`, too.
    pattern {
        p: {
            rows: u32, heads: u32, width: u32, t: u32, q_offset: u32, q_stride: u32,
            k_offset: u32, k_stride: u32, kept_k_offset: u32, kept_k_stride: u32,
            scale: f32,
        },
        list: [],
        read: [q, k, kept_k, slots],
        written: [out],
    }
    mix {
        p: {
            rows: u32, columns: u32, width: u32, t: u32, pattern_offset: u32,
            pattern_stride: u32, v_offset: u32, v_stride: u32,
            kept_v_offset: u32, kept_v_stride: u32,
        },
        list: [],
        read: [pattern, v, kept_v, slots],
        written: [out],
    }
    edit {
        p: {
            count: u32, x_offset: u32, x_stride: u32,
            source_offset: u32, source_stride: u32, has_source: u32,
        },
        list: [edits],
        read: [source],
        written: [x],
    }
    log_sum_exp {
        p: { rows: u32, columns: u32, x_offset: u32, x_stride: u32 },
        list: [],
        read: [x],
        written: [out],
    }
    top_k {
        p: { rows: u32, columns: u32, x_offset: u32, x_stride: u32, k: u32 },
        list: [],
        read: [x],
        written: [out],
    }
    layer_norm_back {
        p: {
            rows: u32, columns: u32, dy_offset: u32, dy_stride: u32,
            x_offset: u32, x_stride: u32, weight_offset: u32, epsilon: f32, rule: u32,
        },
        list: [],
        read: [dy, x, weight],
        written: [out],
    }
    activate_back {
        p: {
            rows: u32, columns: u32, dy_offset: u32, dy_stride: u32,
            x_offset: u32, x_stride: u32, function: u32, rule: u32,
        },
        list: [],
        read: [dy, x],
        written: [out],
    }
    softmax_back {
        p: {
            rows: u32, heads: u32, t: u32, dy_offset: u32, dy_stride: u32,
            pattern_offset: u32, pattern_stride: u32, scale: f32,
        },
        list: [],
        read: [dy, pattern],
        written: [out],
    }
    mix_back {
        p: {
            rows: u32, columns: u32, width: u32, t: u32,
            weights_offset: u32, weights_stride: u32, x_offset: u32, x_stride: u32,
        },
        list: [lists],
        read: [weights, x],
        written: [out],
    }
}
