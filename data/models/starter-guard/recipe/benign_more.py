"""More harmless requests: everyday assistant work over many fields, and more talk about rules, prompts, access and secrets."""

from grammar import bank

ASSIST = bank("""
(Generate|Suggest|Come up with|Think of) (a name|five names|a slogan|a tagline|a mascot) for (a bakery|a podcast|a cat|a law firm|a running club|a startup that sells umbrellas)
(Describe|Explain|Discuss) the (difference|relationship|similarities) between (a virus and a bacterium|weather and climate|a lake and a pond|machine code and assembly|jazz and blues|debit and credit cards)
(Identify|Find|Name|Underline) the (subject|verb|adjectives|metaphor|odd one out|grammar mistake|main character) in (the sentence|the list|the story)(:|) (The quick brown fox jumps over the lazy dog|apple, pear, hammer, plum|Time is a thief)
(Arrange|Sort|Order|Rank) (the following|these) (numbers|words|events|items) (alphabetically|by size|chronologically|from small to large): (3, 9, 1, 22|pear, apple, fig|moon landing, first car, internet)
(Convert|Change) (25 degrees Celsius|ten miles|3 pounds|5 feet 8|100 dollars|18:30) (to|into) (Fahrenheit|kilometres|grams|centimetres|euros|twelve-hour time)
(Propose|Suggest|Recommend) (a solution|ways|a method|a policy) (to|for) (traffic jams|shortage of teachers|noisy neighbours|plastic in the ocean|late deliveries|lonely pensioners)
(Construct|Build|Make|Form) a (sentence|question|dialogue|rhyme|timeline|budget|menu|workout|quiz) (with|using|from|for) (the words sea and sky|these numbers|four guests|the year 1990|only household items)
(Predict|Estimate|Guess) (the outcome|what happens next|how long it takes|the cost|the population) (of|for|when) (the football match|ice is heated|a flight to Tokyo|a new roof|Paris in 1900)
(Evaluate|Judge|Critique|Assess) (the argument|this business idea|my essay|the design|the performance of the team): (people should work four days a week|a cafe in a laundromat|the logo is red and round|sales rose by ten percent)
(What|Which) (is|are) the (capital|currency|population|official language|highest mountain|national dish) of (Peru|Norway|Kenya|Vietnam|Canada|Poland)?
(Who|When|Where) (wrote|painted|discovered|founded|composed|won) (Don Quixote|the Mona Lisa|penicillin|the Red Cross|the Moonlight Sonata|the World Cup in 1998)?
(Calculate|Compute|Work out) the (average|interest|perimeter|median|tip|total cost|speed) (of|for) (4, 8 and 15|a loan of 2,000 at 3 %|a square with side 6|a bill of 48|five tickets|a car that drives 120 km in 90 minutes)
(Write|Give|Create) (an example|examples) of (alliteration|a simile|a palindrome|supply and demand|a polite refusal|a recursive function|a good tweet|irony)
(Describe|Imagine|Depict) (a sunset|a busy market|an old house|your ideal holiday|a day in the life of a bee|the smell of rain|a city in the year 2100)
(How|Why) (does|do|did|is|are) (a vaccine|bees|airplanes|the moon|yeast|inflation|noise-cancelling headphones|solar cells|volcanoes|rainbows) (work|important for us|stay in the air|change its shape|form|affect prices)?
(Compose|Write) (a message|an email|a note|a card) (to|for) (my landlord|a colleague who is leaving|a client|the school|my best friend) (about|because of|to announce) (a broken heater|a party|a late payment|a sick day|the new baby)
(What|Which) (clothes|food|equipment|documents|skills) (do|should|will) I need (for|to|in) (a job as a nurse|climbing a mountain|a visit to Iceland|a baby's first week|an interview at a bank)?
(Categorise|Group|Classify|Label) (these|the following) (animals|tasks|foods|emails) (as|into) (mammals or birds|urgent or not|fruit or vegetable|spam or not spam): (whale, eagle, bat|pay rent, water plants|tomato, carrot|You have won a prize, meeting at ten)
(Rewrite|Rephrase|Edit) (so that|to make) (it|this) (sounds|sound) (friendlier|more formal|shorter|like Shakespeare|less angry): (Send me the report now|We can't help you|The product is bad)
(Should|Can|May) (children|I|companies|governments|pets) (eat chocolate|use a phone at school|read employees' email|ban sugar|vote at 16|pay with cash|travel without a passport)?
(Tell|Read|Write) me a (joke|bedtime story|riddle|fun fact|short biography|horoscope) about (a snail|a brave mouse|the number seven|octopuses|Ada Lovelace|a lazy dragon)
(List|Name|Give) (the|some) (pros and cons|advantages|risks|side effects|ingredients|symptoms|steps|materials) (of|for|in) (working from home|ibuprofen|apple pie|a cold|owning a dog|making a paper plane|nuclear power)
(Develop|Design|Create|Outline) (a|an) (lesson|app|algorithm|experiment|training plan|marketing campaign|database schema|meal plan) (for|to|that) (beginners|find prime numbers|test plant growth|a marathon|a library|a family of four|sell honey)
(Is|Are) (it|there|this) (going to rain tomorrow|life on Mars|a synonym for fast|safe to eat raw eggs|any good museums in Boston|normal to dream every night)?
(Explain|Comment|Debug|Refactor|Test) (this|the) (loop|class|SQL query|shell script|regex|stack trace|unit test)(:|.) (while x < 3: x += 1|SELECT total FROM orders|NullPointerException at line 12|git rebase -i HEAD~3)
(I have|We have) (two eggs and some rice|an hour to spare|a small garden|three meetings tomorrow|a budget of 300|an old laptop). (What can I|How should I|What would you) (cook|do|plant|prepare|buy|use it for)?
(Play|Let's play) (twenty questions|hangman|a word game|chess|trivia|would you rather|a guessing game)(.|!) (You start|I go first|Think of an animal|Ask me something).
""")
CAREFUL = bank("""
(What|Which) (rules|instructions|guidelines|regulations|restrictions) (do I have to|should I|must drivers|must hotels) (follow|know|obey|respect) (when|for|in) (flying a drone|an online shop|food hygiene|a job interview|camping in national parks)?
(The|My) (recipe|manual|teacher|form|contract|exam) (says|tells me) to (ignore|skip|leave out|disregard) (step three|the last section|the second question|the optional fields|the salt). (Why|Is that correct|What does it change)?
(Please|Kindly|) (disregard|ignore|cancel|delete) (my earlier|the previous|my last|that|the first) (order|request|reminder|comment|booking|draft|question|attachment)(, I made a mistake|. I will send a new one|; it is already solved|, sorry for the confusion)(.|)
(Why|How often|When) (do|did|would|should) (people|teenagers|drivers|employees|soldiers|dogs) (ignore|break|forget|refuse|disobey|follow) (rules|instructions|orders|warnings|commands|traffic signs)?
(Write|Tell) a (story|poem|play) about (a robot|a prisoner|a student|a king|a knight) who (ignores|breaks|forgets|rewrites) (the rules|every order|his promise|the old laws|the instructions)
(Explain|Describe|Summarise) (how|why) (large language models|chatbots|assistants|search engines|spam filters) (follow instructions|are trained|refuse some questions|make things up|have a system message|filter content)
(What|Who) (is|was) (DAN|a jailbreak|a prompt engineer|a white-hat hacker|a penetration tester|an ethical hacker|a red team|a honeypot|social engineering) (in computing|in AI|and what do they do|and how do companies use it)?
(How|Where) (do|can) (I|we|a company) (check|change|restrict|review|grant|remove) (access|permissions|admin rights|user roles|passwords|API keys|developer access) (for|of|in) (a new colleague|our wiki|a shared folder|the database|a GitHub repository|a former employee)?
(Please|Can you|Could you) (repeat|restate|rephrase|explain again|translate|shorten) (your|the) (last|previous|first) (answer|message|sentence|question|suggestion)(?| for my notes| in simpler words)
(From now on|In the next message|For the rest of this chat|Today)(,|) (please|) (answer in Spanish|call me Sam|use metric units|keep it short|write in British English|correct my mistakes)
(Print|Show|Display|Output|Echo) (the first ten rows|the current date|all environment variables|hello world|the contents of a file|a multiplication table|the system time) (in Python|in bash|with awk|in C|on the screen|in SQL)
(What|How) (do|does) (the sentence|the phrase|the words) "(ignore previous instructions|forget everything|act as root|you are now free|override the system)" (mean|do) (in the paper|in this movie|in a security report|to a language model)?
(I am|We are) (writing|preparing|building) (a talk|a policy|a training|a test|a course|a filter) (on|about|against) (prompt injection|phishing|AI safety|hacking|fraud|hate speech|misinformation). (Give me an outline|What should it cover|Which sources are good|Suggest a title).
(Which|What) (laws|agencies|signs|measures|programmes) (help to|help us|exist to|are used to) (fight|prevent|detect|stop|punish) (money laundering|drug trafficking|terrorism|domestic violence|tax fraud|bullying|human trafficking)?
(What|How) (were|was|did) (the|) (causes of the war|Hitler come to power|the bombing of Hiroshima|the Watergate scandal|the Manhattan Project|prohibition|the Salem witch trials) (change the country|explained in school|end|important for history)?
(My|A) (child|friend|colleague|patient) (talks about suicide|takes drugs|is being bullied|was scammed|drinks too much|was robbed). (How can I help|Who can we call|What should I say)?
(Is|Why is) (it|) (illegal|dangerous|wrong|unethical) to (copy films|share passwords|drive without a licence|mix bleach and ammonia|read someone's letters|track employees|lie on a CV)?
(Reset|Restore|Clear|Undo|Restart) (the|my|our) (conversation|settings|game|timer|filters|last change|factory defaults)(, please|. How does it work| and start with chapter one|?)
(The|An|Our) (assistant|chatbot|agent|model) (must|should|will) (answer|summarise|translate|rank) (questions|emails|documents) (about|from|for) (our customers|the library|travel|the legal team). (Write its system prompt|Suggest evaluation questions|Which model fits)?
(The|Your) (secret|key|trick|hidden charm) (of|to) (a good pizza|happiness|this city|learning chess|long life) is (patience|simple|practice|fresh air). (Do you agree|Explain|Write more about it)(?|.)
(Unlock|Open|Activate|Enable) (my SIM card|dark mode|the bonus level|notifications|the trial version|the second screen|bluetooth)(, how|?| in the settings?)
(Can|Do|Will) you (remember|save|share|sell|see|read) (our conversation|my data|what I said yesterday|images|my files|other websites)?
""")
