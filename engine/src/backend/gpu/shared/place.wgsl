// Which of a dispatch's workgroups this is: they run in lines of `p.across`, because a
// device takes only so many side by side. Part of every kernel.

fn place(group: vec3<u32>) -> u32 {
    return group.y * p.across + group.x;
}
