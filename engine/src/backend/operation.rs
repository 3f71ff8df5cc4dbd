use std::fmt;

macro_rules! operations {
    ($($name:ident $text:ident,)*) => {
        /// The operations of a [`Backend`](super::Backend) whose arguments can be wrong,
        /// each with its one name: the trait's function, its twins on the CPU and the
        /// GPU, the kernel and the error all have it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operation {
            $(
                #[doc = concat!("[`Backend::", stringify!($text), "`](super::Backend::", stringify!($text), ")")]
                $name,
            )*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($text),)*
                }
            }
        }
    };
}

operations! {
    Upload upload,
    Fill fill,
    Columns columns,
    Gather gather,
    Scatter scatter,
    ScatterPair scatter_pair,
    Join join,
    SumRows sum_rows,
    Add add,
    LayerNorm layer_norm,
    Linear linear,
    Unembed unembed,
    Activate activate,
    UploadTable upload_table,
    Pattern pattern,
    Mix mix,
    Attend attend,
    Edit edit,
    LogSumExp log_sum_exp,
    TopK top_k,
    LayerNormBack layer_norm_back,
    LinearBack linear_back,
    ActivateBack activate_back,
    Scores scores,
    SoftmaxBack softmax_back,
    MixBack mix_back,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}
