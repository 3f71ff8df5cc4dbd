/// Where a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The two prompts, and what the model says.
    Prompts,
    /// The map, and its strongest cell.
    Map,
    /// A cell of the person's own.
    Own,
    /// What can be done from here on.
    Last,
}

impl Step {
    pub const ALL: [Self; 4] = [Self::Prompts, Self::Map, Self::Own, Self::Last];

    /// Its number as it is told; the last one belongs to the third.
    pub fn number(self) -> usize {
        match self {
            Self::Prompts => 1,
            Self::Map => 2,
            Self::Own | Self::Last => 3,
        }
    }

    /// Its place among all of them.
    pub fn place(self) -> usize {
        Self::ALL
            .iter()
            .position(|one| *one == self)
            .unwrap_or_default()
    }
}
