"""Sixty sentences of every kind a listener hears: numbers, dates, names, questions, long ones."""

from __future__ import annotations

SENTENCES = (
    # plain
    "The garden behind the house is full of apple trees.",
    "She opened the window and let the fresh air in.",
    "Please put the books back on the shelf when you are done.",
    "My brother plays the piano every evening after dinner.",
    "The train was late because of snow on the tracks.",
    "I would like a cup of coffee with a little milk.",
    "They walked along the beach until the sun went down.",
    "A good teacher listens more than she talks.",
    "The children are building a castle out of sand.",
    "Nobody expected the meeting to end so quickly.",
    # questions and exclamations
    "How long does it take to get to the airport?",
    "Have you ever been to the mountains in winter?",
    "What time does the library open on Saturday?",
    "Could you tell me where the station is, please?",
    "Why did they change the plan at the last minute?",
    "That is the best news I have heard all week!",
    "Watch out, there is ice on the stairs!",
    "Is this seat taken, or may I sit down here?",
    # numbers, money, percent
    "There are 24 students in the class and 3 teachers.",
    "The ticket costs $45 for adults and $20 for children.",
    "About 60 percent of the people voted in the election.",
    "The tower is 324 meters high and weighs 10,100 tons.",
    "Pi is roughly 3.14, and that is enough for most people.",
    "He ran the marathon in 3 hours and 42 minutes.",
    "The company sold 1,250,000 phones in one year.",
    "We need 2.5 liters of water and 12 eggs.",
    "My room is number 417 on the fourth floor.",
    "The price went up by 8 percent in the last 5 years.",
    # dates and times
    "The meeting starts at 9:30 tomorrow morning.",
    "She was born on March 5, 1987, in a small town.",
    "The store is open from Monday to Friday until 6:45.",
    "On July 20, 1969, two men walked on the moon.",
    "We will arrive on the 3rd of October in the afternoon.",
    "The war ended in 1945, and the wall fell in 1989.",
    # names, places, abbreviations
    "Dr. Smith lives in Chicago with his wife and two dogs.",
    "Mr. Johnson met Mrs. Brown at the theater in London.",
    "Albert Einstein was born in Germany and died in New Jersey.",
    "The river flows from Minnesota to the Gulf of Mexico.",
    "Anna and Michael are moving to Boston next summer.",
    "Professor Taylor teaches history at the University of Oxford.",
    "The museum in Paris shows paintings by Claude Monet.",
    "St. Patrick's Day is a holiday in Ireland.",
    # punctuation and quotations
    '"I will be back soon," he said, and closed the door.',
    "First, mix the flour and the sugar; then, add the butter.",
    "There is only one way to learn it: practice, practice, practice.",
    "The weather, at least in this part of the country, is mild.",
    "It was not cheap, but it was worth the money.",
    "Bread, milk, cheese, and apples are on the list.",
    # one or two words
    "Thank you.",
    "Good morning.",
    "Of course not.",
    # technical
    "Open the settings page, choose a language, and restart the computer.",
    "The server sends the sound while the text is still being written.",
    "Please send the report to our office before the end of the month.",
    "The new phone has a better camera and a larger battery.",
    # long ones
    "When the rain finally stopped, the people who had been waiting under the trees for more than "
    "an hour picked up their bags, looked at the sky, and walked slowly back to the village.",
    "The scientists, who had spent three years collecting data from the ocean, found that the "
    "water was getting warmer much faster than anybody had expected.",
    "If you want to bake good bread, you need flour, water, salt, and time, but most of all you "
    "need the patience to let the dough rest overnight in a cool place.",
    "Although the old bridge had been closed to traffic for many years, the people of the town "
    "still used it every day to walk to the market on the other side of the river.",
    "He told us that he had once lived in a small house by the sea, where he used to sit on the "
    "porch in the evening and watch the ships come home.",
)
